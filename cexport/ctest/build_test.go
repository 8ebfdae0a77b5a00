//go:build linux

// Package ctest compiles C programs against the bridge and the library, and
// runs them: the boundary as C sees it.
package ctest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"unityp2p/internal/library"
)

const patience = 4 * time.Minute

// bridgeSources is the bridge without Go. The guard has its own place in the
// order of constructors, and is tested with the library.
var bridgeSources = []string{
	"api_conditions.c", "api_create.c", "api_send.c", "api_stats.c", "inbox.c", "log.c", "outbox.c", "process.c", "slab.c", "structs.c", "text.c",
}

func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// bridge compiles a program with the bridge and runs it.
func bridge(t *testing.T, program string, flags ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), program)
	args := append([]string{"-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror", "-o", out, filepath.Join("programs", program+".c")}, flags...)
	for _, s := range bridgeSources {
		args = append(args, filepath.Join("..", s))
	}
	run(t, nil, "gcc", append(args, "-lpthread", "-ldl")...)
	return run(t, []string{"TSAN_OPTIONS=die_after_fork=0"}, out)
}

// The libraries that programs use: the one that UNITYP2P_LIBRARY names, else as build.sh
// makes it; and one whose engine can be kept busy (burn.go).
var (
	shared = sync.OnceValues(func() (string, error) {
		return library.Find(root, scratch)
	})
	burning = sync.OnceValues(func() (string, error) {
		return library.Build(root, filepath.Join(scratch, "burn"), "burn")
	})
)

const root = "../.."

// scratch is where they are.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "unityp2p-ctest"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(scratch)
	os.Exit(code)
}

// compile makes a program that uses the library, with the header in include.
func compile(t *testing.T, source, include string, make func() (string, error)) (program, file string) {
	t.Helper()
	file, err := make()
	if err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(source), ".c"))
	if err := library.Compile(source, include, file, program); err != nil {
		t.Fatal(err)
	}
	return program, file
}

// harness is compile for one of our programs, with today's header.
func harness(t *testing.T, name string) (program, file string) {
	t.Helper()
	return compile(t, filepath.Join("programs", name+".c"), "../../include", shared)
}
