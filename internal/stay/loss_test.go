//go:build linux

package stay

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"unityp2p/internal/game"
	"unityp2p/internal/netlab"
)

// far is the round trip at which loss is measured.
const far = 100 * time.Millisecond

// limits are what so many percent of the messages may take, in milliseconds; 0:
// anything.
type limits struct{ p95, p99 time.Duration }

// losses are the shares of packets that vanish in each direction, and what is
// asked of the channels then.
var losses = []struct {
	share                float64
	reliable, unreliable limits
}{
	{0.01, limits{p99: 400}, limits{p99: 70}},
	{0.05, limits{400, 1300}, limits{p99: 70}},
	{0.20, limits{}, limits{70, 150}},
}

// measured is how long each loss is measured: UNITYP2P_LOSS, a minute with
// UNITYP2P_SOAK, elsewhere just long enough to see that it works.
func measured(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("UNITYP2P_LOSS")
	switch {
	case text == "" && strict:
		return time.Minute
	case text == "":
		return 10 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What arrives, and when, on a wire that loses packets: the table of
// docs/networks.md. With UNITYP2P_SOAK, on a machine that does nothing else, the
// times are judged.
func TestLoss(t *testing.T) {
	if !strict {
		t.Parallel()
	}
	length := measured(t)
	rows := make([]string, len(losses))
	t.Run("shares", func(t *testing.T) {
		for i, l := range losses {
			t.Run(fmt.Sprintf("%.0f%%", 100*l.share), func(t *testing.T) {
				if !strict {
					t.Parallel()
				}
				w, wire := farApart(t)
				wire.Set(netlab.Conditions{Delay: far / 4, Loss: l.share})
				got := w.measure(wire, length, game.Play)
				got.judge(t, l.reliable, l.unreliable)
				rows[i] = fmt.Sprintf("| %.0f %% | %s", 100*l.share, got)
			})
		}
	})
	t.Logf("60 messages of 200 B a second on both channels, %v RTT:\n\n%s\n%s", far, lossHead, strings.Join(rows, "\n"))
}

const lossHead = `| lost | passed the wire | unreliable, arrived | p50 | p95 | p99 | reliable, p50 | p95 | p99 |
|---|---|---|---|---|---|---|---|---|`

// farApart are two who have met, and the wire of the second.
func farApart(t *testing.T) (*town, *netlab.Port) {
	t.Helper()
	w := newTown(t)
	for _, name := range []string{"host", "client"} {
		h := w.lab.Host(name, netlab.IPv4)
		h.Port().Set(netlab.Conditions{Delay: far / 4})
		w.enter(name, h, game.Config{ICEServers: w.stun()})
	}
	return w, w.players[1].on.Port()
}

// result is what came of two players' messages: of the two directions the worse.
type result struct {
	passed, arrived      float64 // shares: of the packets; of the unreliable messages
	behind               float64 // by how much more messages were lost than packets
	reliable, unreliable game.Flow
}

// measure lets the two play for so long.
func (w *town) measure(wire *netlab.Port, length time.Duration, traffic string) result {
	w.Helper()
	before, _ := w.views()
	up, down := wire.Counters()
	w.all(traffic)
	time.Sleep(length)
	upAfter, downAfter := wire.Counters()
	after := w.settle()
	w.unbroken()

	r := result{passed: 1, arrived: 1}
	host, client := w.players[0], w.players[1]
	for _, d := range []struct {
		from, to      *player
		before, after netlab.Counters
	}{{client, host, up, upAfter}, {host, client, down, downAfter}} {
		got, sent := after[d.to][d.from], after[d.from][d.to]
		passed := share(d.after.Packets-d.before.Packets, d.after.Lost-d.before.Lost)
		came := got.Unreliable.Got - before[d.to][d.from].Unreliable.Got
		arrived := share(came, sent.Unreliable.Sent-before[d.from][d.to].Unreliable.Sent-came)
		w.Logf("%s to %s: unreliable %.1f %% (%d dropped before they were sent), %v; reliable %v; %.1f %% of the packets",
			d.from.name, d.to.name, 100*arrived, sent.Dropped, got.Unreliable, got.Reliable, 100*passed)
		r.passed, r.arrived, r.behind = min(r.passed, passed), min(r.arrived, arrived), max(r.behind, passed-arrived)
		r.reliable = r.reliable.Worse(got.Reliable)
		r.unreliable = r.unreliable.Worse(got.Unreliable)
	}
	return r
}

func share(of, others uint64) float64 { return float64(of) / float64(max(of+others, 1)) }

func (r result) String() string {
	return fmt.Sprintf("%.1f %% | %.1f %% | %v | %v | %v | %v | %v | %v |", 100*r.passed, 100*r.arrived,
		r.unreliable.P50, r.unreliable.P95, r.unreliable.P99, r.reliable.P50, r.reliable.P95, r.reliable.P99)
}

// mostBehind is the share of messages that may be lost besides what the wire lost.
const mostBehind = 0.02

func (r result) judge(t *testing.T, reliable, unreliable limits) {
	t.Helper()
	if !strict {
		return
	}
	if r.behind > mostBehind {
		t.Errorf("%.1f %% of the unreliable messages arrived, %.1f %% of the packets", 100*r.arrived, 100*r.passed)
	}
	for _, c := range []struct {
		name string
		game.Flow
		limits
	}{{"reliable", r.reliable, reliable}, {"unreliable", r.unreliable, unreliable}} {
		if most := c.p95 * time.Millisecond; most != 0 && c.P95 > most {
			t.Errorf("%s: p95 %v, want at most %v", c.name, c.P95, most)
		}
		if most := c.p99 * time.Millisecond; most != 0 && c.P99 > most {
			t.Errorf("%s: p99 %v, want at most %v", c.name, c.P99, most)
		}
	}
}

// Who loses one packet in five still gets in, signaling included.
func TestConnectingWithLoss(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	host, client := w.lab.Host("host", netlab.IPv4), w.lab.Host("client", netlab.IPv4)
	host.Port().Set(netlab.Conditions{Delay: far / 4})
	client.Port().Set(netlab.Conditions{Delay: far / 4, Loss: 0.2})
	w.enter("host", host, game.Config{ICEServers: w.stun()})
	began := game.Now()
	c := w.enter("client", client, game.Config{ICEServers: w.stun()})
	took := game.Now() - began
	w.all(game.Play)
	time.Sleep(time.Second)
	pair := w.settle()[c][w.players[0]]
	w.unbroken()
	t.Logf("with 20 %% lost in each direction, %v RTT: %v from the start, %v from the offer", far, took, pair.Connecting)
}

// uplink is a slow one: 1 Mbit/s, and a router that queues half a second of it.
var uplink = netlab.Conditions{Delay: far / 4, Rate: 1_000_000}

// Who fills an uplink with reliable messages delays the others by what the router
// queues, and no more.
func TestSlowUplink(t *testing.T) {
	if !strict {
		t.Parallel()
	}
	w, wire := farApart(t)
	wire.SetUp(uplink)
	w.players[1].Say(fmt.Sprintf("%s %d 4096 60 200", game.Traffic, game.FlatOut))
	time.Sleep(measured(t))
	w.all(game.Rest)
	wire.Set(netlab.Conditions{}) // what waits is some megabytes
	views := w.settle()
	w.unbroken()
	got := views[w.players[0]][w.players[1]]
	t.Logf("1 Mbit/s filled by reliable messages: unreliable %v, of %d; reliable %d KiB",
		got.Unreliable, views[w.players[1]][w.players[0]].Unreliable.Sent, 4*got.Reliable.Got)
	const most = 600 * time.Millisecond // the router's half second, and the way
	if strict && got.Unreliable.P95 > most {
		t.Errorf("unreliable: p95 %v, want at most %v", got.Unreliable.P95, most)
	}
}
