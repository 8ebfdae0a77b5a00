//go:build linux

package ctest

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLibrary(t *testing.T) {
	program, _ := harness(t, "library_room")
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

// A phone's app comes back from the background, and all its sockets are dead.
func TestTheSystemTakesTheSockets(t *testing.T) {
	program, _ := harness(t, "library_sockets")
	for _, role := range []string{"client", "host"} {
		for _, how := range []string{"silent", "told"} {
			t.Run(role+", "+how, func(t *testing.T) { t.Log(run(t, nil, program, role, how)) })
		}
	}
}

// The host's handlers are installed first, then the library is loaded: by
// dlopen, as Mono and games do it.
func TestSignalHandlersOfTheHost(t *testing.T) {
	file, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "signals")
	run(t, nil, "gcc", "-std=gnu11", "-g", "-O0", "-Wall", "-Wextra", "-Werror", "-o", program,
		"programs/library_signals.c", "-ldl")
	run(t, nil, program, file)
}

func TestOnlyTheHeadersFunctionsAreExported(t *testing.T) {
	file, err := shared()
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
