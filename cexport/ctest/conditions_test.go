//go:build linux

package ctest

import "testing"

func TestABadNetwork(t *testing.T) {
	program, _ := harness(t, "library_conditions")
	run(t, nil, program)
}
