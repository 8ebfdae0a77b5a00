//go:build linux

// Package ctest compiles C programs against the bridge and the library, and
// runs them: the boundary as C sees it.
package ctest

import (
	"bufio"
	"context"
	"fmt"
	"io"
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

// The chat of the README, through pipes: a host that runs the signaling server,
// and two that join.
func TestChat(t *testing.T) {
	file, err := library()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(file)
	chat := filepath.Join(t.TempDir(), "chat")
	run(t, nil, "gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I../../include", "-o", chat,
		"../../examples/c/chat.c", "-L"+dir, "-lunityp2p", "-lpthread", "-Wl,-rpath,"+dir)
	port := freePort(t)
	flags := []string{"--signaling", "ws://127.0.0.1:" + port, "--loopback-only", "--ice", ""}
	h := talk(t, chat, append([]string{"host", "lobby", "--serve", port}, flags...)...)
	h.expect("* the room is open")
	a := talk(t, chat, append([]string{"join", "lobby"}, flags...)...)
	a.say("hello from a")
	h.expect("<1> hello from a")
	b := talk(t, chat, append([]string{"join", "lobby"}, flags...)...)
	for range 2 {
		b.expect("joined")
	}
	a.expect("(member ")
	b.say("to all of you")
	h.expect("<2> to all of you")
	a.expect("to all of you")
	h.say("/to 2 only for b")
	b.expect("<1> only for b")
	h.say("/stats")
	h.expect(": host 127.0.0.1:")
	b.say("/unreliable maybe")
	b.say("last words")
	_ = b.in.Close()
	b.awaitEnd()
	a.expect("last words")
	a.expect("is gone")
	h.say("/quit")
	h.awaitEnd()
	a.expect("* 1 is gone")
	a.say("/quit")
	a.awaitEnd()
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// talker is a chat and its pipes.
type talker struct {
	t     *testing.T
	in    io.WriteCloser
	lines chan string
	ended chan error
}

func talk(t *testing.T, program string, args ...string) *talker {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	cmd := exec.CommandContext(ctx, program, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	k := &talker{t: t, in: in, lines: make(chan string, 1000), ended: make(chan error, 1)}
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			k.lines <- s.Text()
		}
		close(k.lines)
		k.ended <- cmd.Wait()
	}()
	t.Cleanup(cancel)
	return k
}

func (k *talker) say(line string) {
	k.t.Helper()
	if _, err := io.WriteString(k.in, line+"\n"); err != nil {
		k.t.Fatal(err)
	}
}

func (k *talker) expect(text string) {
	k.t.Helper()
	var seen []string
	deadline := time.After(time.Minute)
	for {
		select {
		case line, ok := <-k.lines:
			if strings.Contains(line, text) {
				return
			}
			if seen = append(seen, line); ok {
				continue
			}
			k.t.Fatalf("it ended without %q; it said %q", text, seen)
		case <-deadline:
			k.t.Fatalf("no %q; it said %q", text, seen)
		}
	}
}

func (k *talker) awaitEnd() {
	k.t.Helper()
	select {
	case err := <-k.ended:
		if err != nil {
			k.t.Fatal(err)
		}
	case <-time.After(time.Minute):
		k.t.Fatal("it did not end")
	}
}
