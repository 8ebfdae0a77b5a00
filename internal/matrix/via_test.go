//go:build linux

package matrix

import (
	"testing"
	"time"

	"unityp2p/internal/netlab"
)

// unaided is longer than a direct path may take before clients give it up, and they
// meet through the host.
const unaided = 9 * time.Second

// Two clients behind symmetric NATs, and no TURN server: they reach the host, which
// is public, and through it each other.
func TestClientsMeetThroughTheHost(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	host := w.start(w.home("host's", public, rtt).Host("host"), "host", "lobby", stunOnly)
	expect(t, host, "open")
	clients := make([]*netlab.Process, 2)
	for i, name := range []string{"first", "second"} {
		home := w.home(name, symmetric, rtt).Host(name)
		clients[i] = w.start(home, "join", "lobby", stunOnly)
		expect(t, host, "connected")
		if l := expect(t, clients[i], "connected"); !l.Host || l.Link.Path == "via host" {
			t.Fatalf("the %s client met %s by %s first", name, l.Member, l.Link.Path)
		}
	}
	began := time.Now()
	for _, c := range clients {
		if l := expect(t, c, "connected"); l.Host || l.Link.Path != "via host" {
			t.Errorf("met %s by %s", l.Member, l.Link.Path)
		}
	}
	took := time.Since(began)
	clients[0].Say("/unreliable quick")
	clients[0].Say("from the first")
	for range 2 {
		expect(t, clients[1], "message")
	}
	clients[1].Say("from the second")
	if got := expect(t, clients[0], "message"); got.Text != "from the second" {
		t.Errorf("the first heard %q", got.Text)
	}
	// Round trips go there and back through the host: what they take says so.
	trip := tripViaHost(t, clients[0])
	t.Logf("a round trip through the host: %.0f ms", trip)
	if trip < 2*float64(rtt/time.Millisecond)*0.9 {
		t.Errorf("a round trip through the host takes %.0f ms", trip)
	}
	t.Logf("met through the host %v after both were in", took)
	if took > 4*unaided {
		t.Errorf("it took %v until they met through the host", took)
	}
	clients[1].Say("/quit")
	expect(t, clients[0], "disconnected")
}

// Where the host forbids it they do not meet, and are told why.
func TestAHostMayForbidToMeetThroughIt(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	host := w.start(w.home("host's", public, rtt).Host("host"), "host", "lobby", stunOnly, "-via-host=false")
	expect(t, host, "open")
	var last *netlab.Process
	for _, name := range []string{"first", "second"} {
		last = w.start(w.home(name, symmetric, rtt).Host(name), "join", "lobby", stunOnly)
		expect(t, host, "connected")
		expect(t, last, "connected")
	}
	if l := expect(t, last, "trouble"); l.Code != "no network path" {
		t.Errorf("it is told of %q: %s", l.Code, l.Text)
	}
}

// tripViaHost asks until the round trip to the member that is reached so is known.
func tripViaHost(t *testing.T, client *netlab.Process) float64 {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		client.Say("/stats")
		trip := 0.0
		for range 2 {
			if l := expect(t, client, "stats"); l.Link.Path == "via host" {
				trip = l.Link.RTT
			}
		}
		if trip > 0 {
			return trip
		}
	}
	t.Fatal("no round trip through the host was measured")
	return 0
}
