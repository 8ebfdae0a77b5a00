//go:build linux

package ctest

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The chat of the README, through pipes: a host that runs the signaling server,
// and two that join.
func TestChat(t *testing.T) {
	chat, _ := compile(t, "../../examples/c/chat.c", "../../include", shared)
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
