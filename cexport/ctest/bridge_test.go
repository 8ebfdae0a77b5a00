//go:build linux

package ctest

import "testing"

func TestBridge(t *testing.T) {
	for sanitizer, flag := range map[string]string{
		"address and undefined": "-fsanitize=address,undefined", "thread": "-fsanitize=thread",
	} {
		for _, program := range []string{"bridge_contract", "bridge_races"} {
			t.Run(program+" "+sanitizer, func(t *testing.T) {
				bridge(t, program, "-O1", flag, "-fno-sanitize-recover=all")
			})
		}
	}
}

func TestCosts(t *testing.T) {
	t.Log(bridge(t, "idle_poll", "-O2"))
}
