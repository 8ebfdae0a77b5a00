//go:build linux

package matrix

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"unityp2p/internal/library"
	"unityp2p/internal/netlab"
)

// chat is the C example around the shared library, as games load it.
var chat = sync.OnceValues(func() (string, error) {
	file, err := library.Find("../..", scratch)
	if err != nil {
		return "", err
	}
	program := filepath.Join(scratch, "chat")
	return program, library.Compile("../../examples/c/chat.c", "../../include", file, program)
})

// player is a program that hosts or joins. Both kinds do the same, and say so in
// words of their own.
type player interface {
	open()              // waits until the room is open
	connected()         // waits until the other one is here
	say(text string)    // sends it
	hears(text string)  // waits for a message, which must be this
	path() (how string) // asks which way the two are connected by
	goes()              // leaves
	alone()             // waits until the other one has left
}

// program is the player of the command line.
type program struct {
	*testing.T
	*netlab.Process
}

func (p program) open()           { expect(p.T, p.Process, "open") }
func (p program) connected()      { expect(p.T, p.Process, "connected") }
func (p program) say(text string) { p.Say(text) }
func (p program) goes()           { p.Say("/quit") }
func (p program) alone()          { expect(p.T, p.Process, "disconnected") }

func (p program) hears(text string) {
	p.Helper()
	if got := expect(p.T, p.Process, "message").Text; got != text {
		p.Errorf("heard %q, want %q", got, text)
	}
}

func (p program) path() string {
	p.Say("/stats")
	l := expect(p.T, p.Process, "stats").Link
	return fmt.Sprintf("%s %s - %s", l.Path, l.Local.Address, l.Remote.Address)
}

// cProgram is the player around the library.
type cProgram struct{ program }

func (p cProgram) open()      { p.Expect("* the room is open") }
func (p cProgram) connected() { p.Expect(" joined (") }
func (p cProgram) alone()     { p.Expect(" is gone (") }

func (p cProgram) hears(text string) {
	p.Helper()
	if got := p.Expect("> "); got != "<1> "+text {
		p.Errorf("heard %q, want %q", got, text)
	}
}

var statsLine = regexp.MustCompile(`: ([a-z ]+ \S+ - \S+), rtt`)

func (p cProgram) path() string {
	p.Helper()
	p.Say("/stats")
	line := p.Expect("connected in")
	found := statsLine.FindStringSubmatch(line)
	if found == nil {
		p.Fatalf("no path in %q", line)
	}
	return found[1]
}

// inC starts the C program on a host, in a room of the town's.
func (w *town) inC(h *netlab.Host, what, room string, ice []string) player {
	w.Helper()
	file, err := chat()
	if err != nil {
		w.Fatal(err)
	}
	cmd := exec.Command(file, what, room, "--signaling", w.url(h), "--ice", w.servers(h, ice, "\n"))
	cmd.Env = w.environment()
	return cProgram{program{w.T, h.Start(cmd)}}
}

// inGo starts the program of the command line.
func (w *town) inGo(h *netlab.Host, what, room string, ice []string) player {
	w.Helper()
	return program{w.T, w.start(h, what, room, ice)}
}

// Games load the library. What its members do in these networks is what the
// program does, among themselves and with the program.
func TestTheLibraryMeets(t *testing.T) {
	type start = func(*town, *netlab.Host, string, string, []string) player
	inC, inGo := start((*town).inC), start((*town).inGo)
	for _, test := range []struct {
		pair
		first, second start
	}{
		{pair{name: "no NAT", host: public, client: public, ice: stunOnly, path: byHost}, inC, inC},
		{pair{name: "STUN", host: restricted, client: restricted, ice: stunOnly, path: direct}, inC, inC},
		{pair{name: "STUN, one in Go", host: restricted, client: addressed, ice: stunOnly, path: direct}, inGo, inC},
		{pair{name: "TURN over UDP", host: symmetric, client: symmetric, ice: turnUDP, path: byRelay}, inC, inGo},
		{pair{name: "TURN over TCP", host: noUDP, client: noUDP, ice: turnTCP, path: byRelay}, inC, inC},
		{pair{name: "TURN over TLS", host: only443, client: symmetric, ice: turnTLS, path: byRelay}, inGo, inC},
		{pair{name: "IPv6", host: onlyIPv6, client: onlyIPv6, ice: stunOnly, path: byHost}, inC, inC},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			at, from := test.players(w, rtt)
			host := test.first(w, at, "host", "lobby", test.ice)
			host.open()
			client := test.second(w, from, "join", "lobby", test.ice)
			client.connected()
			host.connected()
			client.say("from the client")
			host.hears("from the client")
			host.say("from the host")
			client.hears("from the host")
			for _, how := range []string{client.path(), host.path()} {
				if kind, _, _ := strings.Cut(how, " "); !slices.Contains(test.path, kind) {
					t.Errorf("met by %s, want one of %v", how, test.path)
				}
				t.Log(how)
			}
			client.goes()
			host.alone()
			host.goes()
		})
	}
}
