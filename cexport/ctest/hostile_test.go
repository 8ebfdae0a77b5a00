//go:build linux

package ctest

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// soak reports whether there is time: "./build.sh test-soak".
func soak() bool { return os.Getenv("UNITYP2P_SOAK") != "" }

func TestThreadsCallEverything(t *testing.T) {
	program, _ := harness(t, "library_threads")
	seconds := "5"
	if soak() {
		seconds = "60"
	}
	seed := strconv.Itoa(rand.IntN(1 << 20))
	t.Logf("seed %s: %s", seed, run(t, nil, program, seconds, seed))
}

func TestRoomsLeaveNothingBehind(t *testing.T) {
	program, _ := harness(t, "library_growth")
	seed := strconv.Itoa(rand.IntN(1 << 20))
	t.Logf("seed %s: %s", seed, run(t, nil, program, seed))
}

func TestForkInTheMiddle(t *testing.T) {
	program, _ := harness(t, "library_fork")
	run(t, nil, program)
}

func TestALibraryThatIsUnloaded(t *testing.T) {
	file, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	// Not linked with it, which would keep it.
	program := filepath.Join(t.TempDir(), "unload")
	run(t, nil, "gcc", "-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-o", program,
		"programs/library_unload.c", "-ldl")
	run(t, nil, program, file)
}

func TestALibraryThatIsLoadedTwice(t *testing.T) {
	program, file := harness(t, "library_twice")
	bytes, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "libunityp2p.so")
	if err := os.WriteFile(copied, bytes, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Log(run(t, nil, program, file, copied))
}
