package core_test

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"unityp2p/core"
)

// everybody lets no two clients find a path to each other.
func everybody(_, _ core.MemberID) bool { return true }

// apart makes a room whose clients reach only the host.
func apart(t *testing.T, clients int) (h *player, all []*player, cfg core.Config) {
	t.Helper()
	s := newServer(t)
	cfg = s.config("apart")
	cfg.ConnectTimeout = 2 * time.Second
	h = dividing(t, cfg)
	all = []*player{h}
	for i := range clients {
		all = append(all, join(t, fmt.Sprint(i), cfg))
	}
	return h, all, cfg
}

// dividing is a host whose clients find no path to each other.
func dividing(t *testing.T, cfg core.Config) *player {
	t.Helper()
	r, err := core.NewHost(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.KeepApart(everybody)
	return newPlayer(t, "h", r)
}

func pathsOf(p *player) map[core.MemberID]core.Path {
	paths := make(map[core.MemberID]core.Path)
	for _, s := range p.Stats(nil) {
		paths[s.Member] = s.Path
	}
	return paths
}

// Clients that reach the host and not each other see each other as if they did.
func TestClientsTalkThroughTheHost(t *testing.T) {
	t.Parallel()
	h, all, _ := apart(t, 3)
	meet(t, all...)
	tell(t, "hello ", all...)
	for _, p := range all {
		for member, path := range pathsOf(p) {
			direct := p == h || member == h.Member()
			if direct == (path == core.PathViaHost) {
				t.Errorf("%s reaches %v by %v", p.name, member, path)
			}
		}
		for _, e := range p.events {
			if e.Type == core.RoomTrouble && e.Code == core.ConnectFailed {
				t.Errorf("%s had trouble: %s", p.name, e.Text)
			}
		}
	}
	a, b := all[1], all[2]
	for _, n := range []int{0, 1, 1100, 16384, 16385, 262144, 16 << 20} {
		data := bytes.Repeat([]byte{byte(n), 7}, n/2+1)[:n]
		start := b.seen()
		if err := a.Send(a.conn(b), data, true); err != nil {
			t.Fatal(err)
		}
		got := b.awaitEvent(fmt.Sprintf("%d bytes", n), start, isType(core.Message))
		if !got.Reliable || got.Member != a.Member() || !bytes.Equal(got.Data, data) {
			t.Errorf("%d bytes: got %d from %v", n, len(got.Data), got.Member)
		}
	}
	conn := b.conn(a)
	if err := a.Disconnect(a.conn(b)); err != nil {
		t.Fatal(err)
	}
	ended := b.awaitEvent("the end", 0, isType(core.Disconnected))
	if ended.Conn != conn || ended.Code != core.Removed {
		t.Errorf("it ended as %+v", ended)
	}
}

// Who forbids it, the host or one of two clients, is not talked to through the host.
func TestTalkingThroughTheHostCanBeForbidden(t *testing.T) {
	for name, who := range map[string]int{"by the host": 0, "by a client": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			cfg := s.config("apart")
			cfg.ConnectTimeout = 2 * time.Second
			strict := cfg
			strict.ViaHost = core.ViaHostNever
			configs := []core.Config{cfg, cfg, cfg}
			configs[who] = strict
			h := dividing(t, configs[0])
			a := join(t, "a", configs[1])
			meet(t, h, a)
			b := join(t, "b", configs[2])
			meet(t, h, b)
			e := a.awaitEvent("no path", 0, isTrouble(core.ConnectFailed))
			if e.Final || a.conn(b) != 0 || b.conn(a) != 0 {
				t.Errorf("it said %+v; they met: %v", e, a.conn(b) != 0)
			}
			tell(t, "hello ", h, a)
		})
	}
}

// A host that passes on so many bytes a second passes on no more, and nobody waits for
// another's flood.
func TestWhatTheHostPassesOnCanBeBounded(t *testing.T) {
	const perSecond = 256 << 10
	h, w := witnesses(t, 3, func(c *core.Config) { c.ViaHostRate = perSecond })
	a, b, c := w[0], w[1], w[2]
	began := time.Now()
	flooded := make(chan struct{})
	defer func() { <-flooded }()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		defer close(flooded)
		a.flood(c, 10000, stop)
	}()
	poll(t, "a flood", func() bool { return messagesFrom(c, a) > 100 })
	var took []time.Duration
	for range 15 {
		took = append(took, b.ping(c))
	}
	slices.Sort(took)
	bytes, passed := messagesFrom(c, a), time.Since(began)
	t.Logf("%d messages of 10 kB in %v; another's pings take %v, at most %v", bytes, passed, took[len(took)/2], took[len(took)-1])
	if most := perSecond*passed.Seconds()*1.2 + 2*perSecond; float64(bytes*10000) > most {
		t.Errorf("%d bytes passed in %v, want at most %.0f", bytes*10000, passed, most)
	}
	// What the host holds of the flood would take a second.
	if took[len(took)/2] > 800*time.Millisecond {
		t.Errorf("another's pings take %v", took)
	}
	var on uint64
	for _, s := range h.Stats(nil) {
		on += s.PassedOn
	}
	if on < bytes*10000 {
		t.Errorf("the host counts %d bytes passed on", on)
	}
}

// A member that takes nothing holds up nobody but who talks to it, and the host holds
// no more for it than a little.
func TestAMemberThatTakesNothingHoldsUpNobody(t *testing.T) {
	h, w := witnesses(t, 3, nil)
	a, b, c := w[0], w[1], w[2]
	quiet := a.ping(b)
	c.pause()
	defer c.resume()
	before := heap()
	stop := make(chan struct{})
	var flooding sync.WaitGroup
	for _, from := range []*witness{a, b} {
		flooding.Go(func() { from.flood(c, 60000, stop) })
	}
	worst := time.Duration(0)
	for range 50 {
		worst = max(worst, a.ping(b), b.ping(a), a.ping(h))
	}
	grown := int64(heap()) - int64(before)
	close(stop)
	flooding.Wait()
	t.Logf("pings take %v and meanwhile up to %v; memory grew by %d KiB", quiet, worst, grown>>10)
	if worst > slowPing {
		t.Errorf("a ping took %v", worst)
	}
	if grown > 48<<20 {
		t.Errorf("memory grew by %d bytes", grown)
	}
}

// witnesses makes a room of witnesses whose clients see each other through the host.
func witnesses(t *testing.T, clients int, change func(*core.Config)) (h *witness, all []*witness) {
	t.Helper()
	s := newServer(t)
	cfg := s.config("apart")
	cfg.ConnectTimeout = 2 * time.Second
	if change != nil {
		change(&cfg)
	}
	r, err := core.NewHost(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.KeepApart(everybody)
	h = watch(t, "h", r)
	for i := range clients {
		c, err := core.NewClient(cfg)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, watch(t, fmt.Sprint(i), c))
	}
	for _, w := range all {
		w.await("all others", func() bool { return len(w.here) == clients })
	}
	return h, all
}

// flood sends as much as is taken until stop is closed.
func (w *witness) flood(to *witness, size int, stop <-chan struct{}) {
	message := make([]byte, size)
	for {
		select {
		case <-stop:
			return
		default:
		}
		if w.Send(w.conn(to.Member()), message, true) != nil {
			time.Sleep(time.Millisecond)
		}
	}
}

// messagesFrom counts the messages that one has of another.
func messagesFrom(w, from *witness) uint64 {
	for _, s := range w.Stats(nil) {
		if s.Member == from.Member() {
			return s.MessagesReceived
		}
	}
	return 0
}

// poll waits for what nobody tells.
func poll(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// When a member leaves, what it sent before arrives; when the host does, all that went
// through it ends, and begins again through the next one.
func TestLeavingARoomThatTalksThroughTheHost(t *testing.T) {
	h, all, cfg := apart(t, 3)
	a, b, c := all[1], all[2], all[3]
	meet(t, all...)
	a.Suspend()
	tell(t, "while a is away ", b, c, a)
	a.Resume()
	tell(t, "and back ", all...)
	for i := range 100 {
		if err := c.Send(c.conn(a), []byte(fmt.Sprint("last ", i)), true); err != nil {
			t.Fatal(err)
		}
	}
	conn := a.conn(c)
	c.Close()
	gone := a.awaitEvent("c's end", 0, func(e core.Event) bool { return e.Type == core.Disconnected && e.Conn == conn })
	if gone.Code != core.Left {
		t.Errorf("c ended as %v", gone.Code)
	}
	a.awaitEvent("c's last words", 0, func(e core.Event) bool { return string(e.Data) == "last 99" })
	conn = a.conn(b)
	h.Close()
	a.awaitEvent("b's end", 0, func(e core.Event) bool { return e.Type == core.Disconnected && e.Conn == conn })
	next := dividing(t, cfg)
	meet(t, next, a, b)
	tell(t, "with the next ", next, a, b)
	if path := pathsOf(a)[b.Member()]; path != core.PathViaHost {
		t.Errorf("a reaches b by %v", path)
	}
}
