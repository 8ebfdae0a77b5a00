package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const patience = 60 * time.Second

// program is a run of the command with a pipe at each end.
type program struct {
	t     *testing.T
	in    *io.PipeWriter
	lines chan string
	ended chan error
	stop  context.CancelFunc
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	inReader, inWriter := io.Pipe()
	outReader, outWriter := io.Pipe()
	p := &program{t: t, in: inWriter, lines: make(chan string, 1000), ended: make(chan error, 1), stop: stop}
	go func() {
		err := run(ctx, args, inReader, outWriter, io.Discard)
		_ = outWriter.Close()
		p.ended <- err
	}()
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(outReader); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		stop()
		_ = inWriter.Close()
	})
	return p
}

// expect waits for a line that contains text.
func (p *program) expect(text string) string {
	p.t.Helper()
	deadline := time.After(patience)
	var seen []string
	for {
		select {
		case line, ok := <-p.lines:
			if strings.Contains(line, text) {
				return line
			}
			if seen = append(seen, line); ok {
				continue
			}
			p.t.Fatalf("the program ended without %q; it said %q", text, seen)
		case <-deadline:
			p.t.Fatalf("no %q; it said %q", text, seen)
		}
	}
}

func (p *program) say(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) awaitEnd() {
	p.t.Helper()
	select {
	case err := <-p.ended:
		if err != nil {
			p.t.Fatalf("ended with %v", err)
		}
	case <-time.After(patience):
		p.t.Fatal("did not end")
	}
}

func serveForTest(t *testing.T) (url string, server *program) {
	t.Helper()
	server = start(t, "serve", "-addr", "127.0.0.1:0")
	return strings.Fields(server.expect("signaling: listening on "))[3], server
}

func TestServe(t *testing.T) {
	url, server := serveForTest(t)
	if !strings.HasPrefix(url, "ws://127.0.0.1:") {
		t.Errorf("listening on %q", url)
	}
	server.stop()
	server.awaitEnd()
}

func TestServeWithTheOriginalsConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	config := "\xef\xbb\xbf" + `{"httpConfig":{"port":0,"host":"127.0.0.1"},"apps":[{"name":"c","path":"/chatapp","address_sharing":false}]}`
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	server := start(t, "serve", "-config", file)
	url := strings.Fields(server.expect("signaling: listening on "))[3] + "chatapp"
	h := start(t, "host", "lobby", "-signaling", url, "-loopback-only", "-ice", "none")
	h.expect("the room is open")
}

func TestTalk(t *testing.T) {
	url, _ := serveForTest(t)
	flags := []string{"-signaling", url, "-loopback-only", "-ice", "none"}
	h := start(t, append([]string{"host", "lobby"}, flags...)...)
	h.expect("the room is open")
	a := start(t, append([]string{"join", "lobby"}, flags...)...)
	a.say("hello from a") // before anybody is there: it waits
	if line := h.expect("joined"); !strings.Contains(line, "* 1 joined (member ") {
		t.Errorf("the host said %q", line)
	}
	a.expect("* 1 joined (host ")
	h.expect("<1> hello from a")
	b := start(t, append(append([]string{"join"}, flags...), "lobby")...)
	b.expect("joined")
	b.expect("joined")
	a.expect("joined")
	h.expect("joined")
	b.say("to all of you")
	h.expect("to all of you")
	a.expect("to all of you")
	h.say("/to 2 only for b")
	b.expect("<1> only for b")
	h.say("/to 9 nobody")
	h.expect(`there is no "9" here`)
	h.say("/stats")
	h.expect("host 127.0.0.1:")
	b.say("last words")
	_ = b.in.Close() // the end of the pipe: what was sent arrives first
	b.awaitEnd()
	a.expect("last words")
	a.expect("is gone (left)")
	a.say("/quit")
	a.awaitEnd()
	h.expect("last words")
}

func TestWrongUse(t *testing.T) {
	for _, args := range [][]string{{}, {"x"}, {"host"}, {"join", "a", "b"}, {"serve", "x"}, {"serve", "-config", "/nowhere"}, {"host", "a", "-signaling", "http://x"}} {
		err := run(context.Background(), args, strings.NewReader(""), io.Discard, io.Discard)
		if err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("%q: %v", args, err)
		}
	}
}
