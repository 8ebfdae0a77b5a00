package core_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"unityp2p/core"
	"unityp2p/core/wire"
	"unityp2p/internal/cutnet"
	"unityp2p/signaling"
)

// mover is a player whose network can be cut.
type mover struct {
	*player
	net *cutnet.Net
}

// moversIn opens a room with a host and so many clients, all of them connected.
func moversIn(t *testing.T, s *server, clients int, change func(*core.Config)) []*mover {
	t.Helper()
	var all []*mover
	var players []*player
	for i := range clients + 1 {
		n, err := cutnet.New()
		if err != nil {
			t.Fatal(err)
		}
		cfg := s.config("room").OnNet(n)
		cfg.Logger = restartLog(i)
		if change != nil {
			change(&cfg)
		}
		m := &mover{net: n}
		if i == 0 {
			m.player = host(t, "h", cfg)
		} else {
			m.player = join(t, fmt.Sprint(i), cfg)
		}
		all, players = append(all, m), append(players, m.player)
	}
	meet(t, players...)
	return all
}

// restartLog shows what members log, for who looks for what went wrong.
func restartLog(i int) *slog.Logger {
	if os.Getenv("RESTART_LOG") == "" {
		return nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil)).With("player", i)
}

// cutFrom ends the path between two, and no other.
func (m *mover) cutFrom(other *mover) {
	m.t.Helper()
	for _, s := range m.Stats(nil) {
		if s.Member == other.Member() {
			m.net.CutAt(s.LocalCandidate)
			return
		}
	}
	m.t.Fatalf("%s has no path to %s", m.name, other.name)
}

// numbers sends each of the pairs numbered reliable messages, both ways, until it is
// stopped, which checks that each came once and in order.
func numbers(t *testing.T, pairs ...[2]*mover) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	sent := make(chan map[[2]*mover]int)
	go func() {
		counts := make(map[[2]*mover]int)
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for ctx.Err() == nil {
			<-ticker.C
			for _, p := range pairs {
				for _, way := range [][2]*mover{p, {p[1], p[0]}} {
					err := way[0].Send(way[0].conn(way[1].player), fmt.Append(nil, "n", counts[way]), true)
					switch {
					case err == nil:
						counts[way]++
					case !errors.Is(err, core.ErrWouldBlock):
						t.Errorf("%s to %s: %v", way[0].name, way[1].name, err)
					}
				}
			}
		}
		sent <- counts
	}()
	return func() {
		t.Helper()
		cancel()
		for way, count := range <-sent {
			from, to := way[0], way[1]
			to.await(fmt.Sprintf("%d messages of %s", count, from.name), func() bool {
				got := 0
				for _, e := range to.events {
					if e.Type != core.Message || e.Member != from.Member() {
						continue
					}
					if want := fmt.Sprint("n", got); string(e.Data) != want {
						t.Fatalf("%s got %q of %s in place of %q", to.name, e.Data, from.name, want)
					}
					got++
				}
				return got >= count
			})
		}
	}
}

// awaitPath waits until both have a new path to each other.
func awaitPath(a, b *mover, from map[*mover]int) {
	a.t.Helper()
	for _, p := range [][2]*mover{{a, b}, {b, a}} {
		p[0].awaitEvent("a new path to "+p[1].name, from[p[0]], func(e core.Event) bool {
			return e.Type == core.PathChanged && e.Member == p[1].Member()
		})
	}
}

func seenBy(all []*mover) map[*mover]int {
	from := make(map[*mover]int)
	for _, m := range all {
		from[m] = m.seen()
	}
	return from
}

// noneLeft checks that nobody saw anybody go.
func noneLeft(t *testing.T, all []*mover) {
	t.Helper()
	for _, m := range all {
		m.mu.Lock()
		for _, e := range m.events {
			if e.Type == core.Disconnected {
				t.Errorf("%s saw %v go: %v", m.name, e.Member, e.Code)
			}
		}
		m.mu.Unlock()
	}
}

// A host and its client find a new path over the signaling server, whichever of them
// moved. The client lets go of the server again.
func TestANewPathOverTheSignalingServer(t *testing.T) {
	var sockets socketCount
	s := newServerWith(t, signaling.Config{ResumeGrace: time.Second, Observer: &sockets})
	all := moversIn(t, s, 1, nil)
	h, c := all[0], all[1]
	stop := numbers(t, [2]*mover{h, c})
	for i, who := range []*mover{c, h, c} {
		from := seenBy(all)
		began := time.Now()
		who.net.Cut()
		awaitPath(h, c, from)
		t.Logf("%d: a new path after %v", i, time.Since(began))
	}
	stop()
	noneLeft(t, all)
	for deadline := time.Now().Add(patience); sockets.Load() != 1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d sockets at the signaling server, in place of the host's", sockets.Load())
		}
	}
}

// socketCount counts the sockets at a signaling server.
type socketCount struct{ atomic.Int32 }

func (c *socketCount) Connected(string)           { c.Add(1) }
func (c *socketCount) Disconnected(string)        { c.Add(-1) }
func (*socketCount) Refused(signaling.Refusal)    {}
func (*socketCount) Rooms(string, int)            {}
func (*socketCount) Links(string, int)            {}
func (*socketCount) Received(wire.FrameType, int) {}
func (*socketCount) Sent(wire.FrameType, int)     {}
func (*socketCount) Relayed(time.Duration)        {}

// Two clients find a new path through the host, without the signaling server.
func TestANewPathThroughTheHost(t *testing.T) {
	s := newServer(t)
	all := moversIn(t, s, 2, nil)
	s.stop()
	stop := numbers(t, [2]*mover{all[1], all[2]}, [2]*mover{all[0], all[1]})
	from := seenBy(all)
	all[1].cutFrom(all[2])
	awaitPath(all[1], all[2], from)
	stop()
	noneLeft(t, all)
}

// A host and a client find a new path through another client, without the signaling
// server.
func TestANewPathThroughAMember(t *testing.T) {
	s := newServer(t)
	all := moversIn(t, s, 2, nil)
	s.stop()
	stop := numbers(t, [2]*mover{all[0], all[1]})
	from := seenBy(all)
	all[1].cutFrom(all[0])
	awaitPath(all[0], all[1], from)
	stop()
	noneLeft(t, all)
}

// Two clients find a new path through a third, when host and server are gone.
func TestANewPathWithoutAHost(t *testing.T) {
	s := newServer(t)
	all := moversIn(t, s, 3, nil)
	s.stop()
	all[0].Close()
	for _, c := range all[1:] {
		c.awaitEvent("the host left", 0, isType(core.Disconnected))
	}
	stop := numbers(t, [2]*mover{all[1], all[2]})
	from := seenBy(all)
	all[2].cutFrom(all[1])
	awaitPath(all[1], all[2], from)
	stop()
}

// Who moves loses all of its paths at once, and gets all of them back.
func TestAllPathsAreMadeAnew(t *testing.T) {
	s := newServer(t)
	all := moversIn(t, s, 3, nil)
	var pairs [][2]*mover
	for i, a := range all {
		for _, b := range all[i+1:] {
			pairs = append(pairs, [2]*mover{a, b})
		}
	}
	stop := numbers(t, pairs...)
	for _, who := range []*mover{all[2], all[0]} {
		from := seenBy(all)
		began := time.Now()
		who.net.Cut()
		for _, other := range all {
			if other != who {
				awaitPath(who, other, from)
			}
		}
		t.Logf("%s is back after %v", who.name, time.Since(began))
	}
	stop()
	noneLeft(t, all)
}

// Who was suspended while its path broke looks at once when it is back.
func TestResumeLooksForAPath(t *testing.T) {
	s := newServer(t)
	all := moversIn(t, s, 1, nil)
	h, c := all[0], all[1]
	c.Suspend()
	c.net.Cut()
	h.awaitEvent("the client is not heard", 0, isType(core.Unreachable))
	from := seenBy(all)
	began := time.Now()
	c.Resume()
	awaitPath(h, c, from)
	t.Logf("a new path after %v", time.Since(began))
	h.awaitEvent("the client is heard", 0, isType(core.Reachable))
	tell(t, "back ", h.player, c.player)
	noneLeft(t, all)
}

// Where there is no way to agree on a path the connection ends by silence, as ever,
// and begins anew when there is one.
func TestWithoutAWayTheConnectionEnds(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	all := moversIn(t, s, 1, func(c *core.Config) { c.UnreachableAfter, c.DisconnectAfter = time.Second, 4*time.Second })
	h, c := all[0], all[1]
	s.stop()
	from := seenBy(all)
	c.net.Cut()
	for _, m := range all {
		e := m.awaitEvent("the end", from[m], isType(core.Disconnected))
		if e.Code != core.TimedOut {
			t.Errorf("%s: %v", m.name, e.Code)
		}
	}
	s.start()
	for _, m := range all {
		m.awaitEvent("a new connection", from[m], isType(core.Connected))
	}
	tell(t, "again ", h.player, c.player)
}

// The messages by which a member has shown whose a route is show it once. Who kept
// them has none of the member's ways, and what it says is not said in its name.
func TestAReplayedRestartTakesNoWay(t *testing.T) {
	s := newServer(t)
	cfg := s.config("room")
	r, err := core.NewHost(cfg)
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan wire.Negotiation, 1000)
	r.Overhear(func(n wire.Negotiation) { heard <- n })
	h := newPlayer(t, "h", r)
	n, err := cutnet.New()
	if err != nil {
		t.Fatal(err)
	}
	c := join(t, "c", cfg.OnNet(n))
	meet(t, h, c)
	h.mu.Lock()
	from := len(h.events)
	h.mu.Unlock()
	n.Cut()
	h.awaitEvent("a new path", from, isType(core.PathChanged))
	poll(t, "the way is given up", func() bool { return r.Ways(c.Member()) == 0 })

	const link = 1
	replayer := dial(t, s)
	introduced := make(chan struct{})
	go replayer.run(func(f wire.Frame) {
		if f.Type == wire.NewConnection {
			close(introduced)
		}
	})
	replayer.send(wire.Frame{Type: wire.NewConnection, DataType: wire.Text, ID: link, Data: []byte(wire.AddressOf("room"))})
	<-introduced
	var kept []wire.Negotiation
	for len(heard) > 0 {
		kept = append(kept, <-heard)
	}
	for _, old := range kept {
		replayer.say(link, old)
		<-heard // the host has taken it
		if r.Ways(c.Member()) != 0 {
			t.Fatal("who kept a member's messages has a way of it")
		}
	}
}
