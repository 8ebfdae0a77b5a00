//go:build linux

// Package ctest compiles C programs against the bridge and the library, and
// runs them: the boundary as C sees it.
package ctest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const patience = 4 * time.Minute

// bridgeSources is the bridge without Go. The guard has its own place in the
// order of constructors, and is tested with the library.
var bridgeSources = []string{
	"api_create.c", "api_send.c", "api_stats.c", "inbox.c", "log.c", "outbox.c", "process.c", "slab.c", "text.c",
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

// library builds the shared library once, as build.sh does.
var library = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "unityp2p-ctest")
	if err != nil {
		return "", err
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "libunityp2p.so")
	flags := "-Wl,--version-script=" + root + "/cexport/exports.map -Wl,-z,nodelete -Wl,-soname,libunityp2p.so"
	cmd := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared",
		"-ldflags", "-s -w -extldflags '"+flags+"'", "-o", file, "./cexport")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return file, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if file, err := library(); err == nil {
		_ = os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

// harness compiles library_room against the library.
func harness(t *testing.T) (program, file string) {
	t.Helper()
	file, err := library()
	if err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(t.TempDir(), "library_room")
	dir := filepath.Dir(file)
	run(t, nil, "gcc", "-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror", "-o", program, "programs/library_room.c",
		"-L"+dir, "-lunityp2p", "-ldl", "-Wl,-rpath,"+dir)
	return program, file
}

func TestLibrary(t *testing.T) {
	program, _ := harness(t)
	for _, part := range []string{"room", "connecting"} {
		t.Run(part, func(t *testing.T) { run(t, nil, program, part) })
	}
	t.Run("exit is prompt", func(t *testing.T) {
		began := time.Now()
		run(t, nil, program, "exit")
		t.Logf("the program took %v", time.Since(began))
	})
	t.Run("taken", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		run(t, nil, program, "taken", port)
	})
}

// The host's handlers are installed first, then the library is loaded: by
// dlopen, as Mono and games do it.
func TestSignalHandlersOfTheHost(t *testing.T) {
	file, err := library()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "signals")
	run(t, nil, "gcc", "-std=gnu11", "-g", "-O0", "-Wall", "-Wextra", "-Werror", "-o", program,
		"programs/library_signals.c", "-ldl")
	run(t, nil, program, file)
}

func TestOnlyTheHeadersFunctionsAreExported(t *testing.T) {
	file, err := library()
	if err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile("../../include/p2p.h")
	if err != nil {
		t.Fatal(err)
	}
	var declared, exported []string
	for _, m := range regexp.MustCompile(`P2P_CALL (P2P_\w+)\(`).FindAllSubmatch(header, -1) {
		declared = append(declared, string(m[1]))
	}
	for line := range strings.Lines(run(t, nil, "nm", "-D", "--defined-only", file)) {
		if f := strings.Fields(line); len(f) == 3 {
			exported = append(exported, f[2])
		}
	}
	slices.Sort(declared)
	slices.Sort(exported)
	if len(declared) < 20 || !slices.Equal(declared, exported) {
		t.Errorf("declared %v\nexported %v", declared, exported)
	}
}

// A struct's layout is part of the contract: it may only grow at its end.
func TestTheHeaderIsPlainC(t *testing.T) {
	for _, std := range [][]string{{"-std=c99", "-x", "c"}, {"-std=c++11", "-x", "c++"}} {
		run(t, nil, "gcc", append(std, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "../../include/p2p.h")...)
	}
}
