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
	library = sync.OnceValues(func() (string, error) {
		if file := os.Getenv("UNITYP2P_LIBRARY"); file != "" {
			return file, nil
		}
		return makeLibrary("")
	})
	burning = sync.OnceValues(func() (string, error) { return makeLibrary("burn") })
)

// scratch is where they are.
var scratch string

func makeLibrary(tags string) (string, error) {
	dir := filepath.Join(scratch, "tags-"+tags)
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "libunityp2p.so")
	flags := "-Wl,--version-script=" + root + "/cexport/exports.map -Wl,-z,nodelete -Wl,-soname,libunityp2p.so"
	cmd := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", "-tags", "nethttpomithttp2,"+tags,
		"-ldflags", "-s -w -extldflags '"+flags+"'", "-o", file, "./cexport")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return file, nil
}

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
	dir := filepath.Dir(file)
	run(t, nil, "gcc", "-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-I"+include, "-o", program, source,
		"-L"+dir, "-lunityp2p", "-ldl", "-lpthread", "-Wl,-rpath,"+dir)
	return program, file
}

// harness is compile for one of our programs, with today's header.
func harness(t *testing.T, name string) (program, file string) {
	t.Helper()
	return compile(t, filepath.Join("programs", name+".c"), "../../include", library)
}
