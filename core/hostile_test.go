package core_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"unityp2p/core"
	"unityp2p/core/wire"
)

// witness is an honest member of a room with a liar in it. It keeps no
// messages, answers pings, and notes who came and why who went.
type witness struct {
	room
	t       *testing.T
	name    string
	done    chan struct{}
	answers chan struct{}

	mu      sync.Mutex
	changed chan struct{}
	here    map[core.MemberID]core.ConnID
	gone    map[core.MemberID]core.Code
	lost    map[core.MemberID]bool // unreachable for a while, at least
	paused  chan struct{}
}

func watch(t *testing.T, name string, r room) *witness {
	w := &witness{
		room: r, t: t, name: name, done: make(chan struct{}), answers: make(chan struct{}, 1),
		changed: make(chan struct{}), here: make(map[core.MemberID]core.ConnID), gone: make(map[core.MemberID]core.Code),
		lost: make(map[core.MemberID]bool),
	}
	go w.listen()
	t.Cleanup(func() {
		w.resume()
		r.Close()
		<-w.done
	})
	return w
}

func (w *witness) listen() {
	defer close(w.done)
	for {
		w.mu.Lock()
		paused := w.paused
		w.mu.Unlock()
		if paused != nil {
			<-paused
		}
		e, err := w.Next(context.Background())
		if err != nil {
			return
		}
		w.take(e)
	}
}

func (w *witness) take(e core.Event) {
	switch e.Type {
	case core.Connected, core.Disconnected:
		w.mu.Lock()
		if e.Type == core.Connected {
			w.here[e.Member] = e.Conn
		} else {
			w.gone[e.Member] = e.Code
		}
		close(w.changed)
		w.changed = make(chan struct{})
		w.mu.Unlock()
	case core.Unreachable:
		w.mu.Lock()
		w.lost[e.Member] = true
		w.mu.Unlock()
	case core.Message:
		switch string(e.Data) {
		case "ping?":
			_ = w.Send(e.Conn, []byte("pong!"), e.Reliable)
		case "pong!":
			select {
			case w.answers <- struct{}{}:
			default:
			}
		}
	}
}

func (w *witness) pause() {
	w.mu.Lock()
	w.paused = make(chan struct{})
	w.mu.Unlock()
}

func (w *witness) resume() {
	w.mu.Lock()
	if w.paused != nil {
		close(w.paused)
		w.paused = nil
	}
	w.mu.Unlock()
}

func (w *witness) await(what string, f func() bool) {
	w.t.Helper()
	deadline := time.After(patience)
	for {
		w.mu.Lock()
		ok, changed := f(), w.changed
		w.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			w.t.Fatalf("%s waited in vain: %s", w.name, what)
		}
	}
}

func (w *witness) conn(m core.MemberID) core.ConnID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.here[m]
}

// ping measures how long another witness takes to answer.
func (w *witness) ping(to *witness) time.Duration {
	w.t.Helper()
	began := time.Now()
	if err := w.Send(w.conn(to.Member()), []byte("ping?"), true); err != nil {
		w.t.Fatalf("%s pinging %s: %v", w.name, to.name, err)
	}
	select {
	case <-w.answers:
	case <-time.After(patience):
		w.t.Fatalf("%s does not answer %s", to.name, w.name)
	}
	return time.Since(began)
}

// trial is a room with three honest members, and what they feel.
type trial struct {
	t          *testing.T
	server     *server
	host, a, b *witness
	liar       *liar
	deaf       bool // the host's game takes nothing
}

func newTrial(t *testing.T, prepare func(*liar)) *trial {
	t.Helper()
	tr := &trial{t: t, server: newServer(t)}
	cfg := tr.server.config("room")
	cfg.ConnectTimeout = 5 * time.Second
	h, err := core.NewHost(cfg)
	if err != nil {
		t.Fatal(err)
	}
	tr.host = watch(t, "host", h)
	tr.a, tr.b = tr.join("a", cfg), tr.join("b", cfg)
	tr.a.await("b", func() bool { return tr.a.here[tr.b.Member()] != 0 })
	tr.liar = joinAsLiar(t, tr.server, "room", prepare)
	return tr
}

func (tr *trial) join(name string, cfg core.Config) *witness {
	tr.t.Helper()
	c, err := core.NewClient(cfg)
	if err != nil {
		tr.t.Fatal(err)
	}
	w := watch(tr.t, name, c)
	tr.host.await(name, func() bool { return tr.host.here[w.Member()] != 0 })
	w.await("the host", func() bool { return w.here[tr.host.Member()] != 0 })
	return w
}

// slowPing is what an honest member never waits for another, whatever a liar does
// and however busy the machine is: silence of that length would be noticed.
const slowPing = 4 * time.Second

// during plays the lie while the honest members ping each other, and checks how
// they fared and how much memory all of it took.
func (tr *trial) during(lie func()) {
	tr.t.Helper()
	quiet := tr.pings(nil)
	before := heap()
	lied := make(chan struct{})
	go func() {
		defer close(lied)
		lie()
	}()
	loud := tr.pings(lied)
	grown := int64(heap()) - int64(before)
	tr.t.Logf("pings of the others: %v before, %v meanwhile; memory grew by %d KiB", quiet, loud, grown>>10)
	// A liar in this very process takes its share of the processor, and no more.
	if most := 20*quiet.median + 100*time.Millisecond; loud.median > most {
		tr.t.Errorf("the others' pings take %v, and took %v before", loud.median, quiet.median)
	}
	if loud.worst > slowPing {
		tr.t.Errorf("a ping of the others took %v", loud.worst)
	}
	if grown > 48<<20 {
		tr.t.Errorf("memory grew by %d bytes", grown)
	}
	tr.unharmed()
}

// unharmed checks that no honest member lost another, not even for a while.
func (tr *trial) unharmed() {
	tr.t.Helper()
	all := []*witness{tr.host, tr.a, tr.b}
	for _, w := range all {
		for _, other := range all {
			w.mu.Lock()
			code, gone := w.gone[other.Member()]
			lost := w.lost[other.Member()]
			w.mu.Unlock()
			if gone || lost {
				tr.t.Errorf("%s lost %s: %v", w.name, other.name, code)
			}
		}
	}
}

// pingTimes is how long pings took.
type pingTimes struct {
	median, worst time.Duration
	count         int
}

func (p pingTimes) String() string {
	return fmt.Sprintf("median %v, worst %v of %d", p.median, p.worst, p.count)
}

// pings measures until the channel is closed, 40 at least.
func (tr *trial) pings(until <-chan struct{}) pingTimes {
	var took []time.Duration
	for {
		took = append(took, tr.a.ping(tr.b), tr.b.ping(tr.a))
		if !tr.deaf {
			took = append(took, tr.b.ping(tr.host))
		}
		if len(took) < 40 {
			continue
		}
		select {
		case <-until:
		default:
			if until != nil {
				continue
			}
		}
		slices.Sort(took)
		return pingTimes{took[len(took)/2], took[len(took)-1], len(took)}
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// fate waits until the liar is gone from a witness, and says why it went.
func (w *witness) fate(l *liar) core.Code {
	w.t.Helper()
	member := l.member()
	w.await("the liar's end", func() bool { _, gone := w.gone[member]; return gone })
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gone[member]
}

func packet(kind wire.PacketKind, seq uint64, body string) []byte {
	return append(wire.AppendPacketHead(nil, kind, seq), body...)
}

// A member that breaks the protocol loses its connection, for that reason, and
// nobody else notices.
func TestALyingMemberIsDropped(t *testing.T) {
	t.Parallel()
	fragment := func(total, offset uint64, n int) []byte {
		return wire.AppendFragment(nil, 1, total, offset, make([]byte, n))
	}
	forged := binary.LittleEndian.AppendUint64([]byte{wire.Version<<4 | 8 | byte(wire.SinglePacket)}, 7)
	lies := []struct {
		name, channel string
		packets       [][]byte
	}{
		{"nothing", "reliable", [][]byte{{}}},
		{"noise", "unreliable", [][]byte{{0xff, 0xfe, 0xfd}}},
		{"another version", "reliable", [][]byte{{0x21, 1, 'x'}}},
		{"numbers with a gap", "reliable", [][]byte{packet(wire.SinglePacket, 2, "x")}},
		{"numbers that repeat", "reliable", [][]byte{packet(wire.SinglePacket, 1, "x"), packet(wire.SinglePacket, 1, "x")}},
		{"a forged origin", "reliable", [][]byte{append(append(forged, 1), "hello"...)}},
		{"a forged origin, unreliable", "unreliable", [][]byte{append(append(forged, 1), "hello"...)}},
		{"an empty batch", "reliable", [][]byte{packet(wire.BatchPacket, 1, "")}},
		{"a batch of gigabytes", "reliable", [][]byte{packet(wire.BatchPacket, 1, "\xff\xff\xff\xff\x0fx")}},
		{"a batch of nothings", "unreliable", [][]byte{packet(wire.BatchPacket, 1, strings.Repeat("\x00", wire.MaxBatch+1))}},
		{"a message of gigabytes", "reliable", [][]byte{fragment(1<<40, 0, 2048)}},
		{"fragments out of order", "reliable", [][]byte{fragment(8192, 2048, 2048)}},
		{"fragments of two sizes", "reliable", [][]byte{fragment(8192, 0, 2048), fragment(9000, 2048, 2048)}},
		{"a message amid fragments", "reliable", [][]byte{fragment(8192, 0, 2048), packet(wire.SinglePacket, 1, "x")}},
		{"tiny fragments", "reliable", [][]byte{fragment(8192, 0, 1)}},
		{"an unreliable giant", "unreliable", [][]byte{fragment(wire.MaxUnreliableMessage+1, 0, 2048)}},
		{"fragments that overlap", "unreliable", [][]byte{fragment(4096, 0, 2048), fragment(4096, 1024, 2048)}},
		{"a giant packet", "unreliable", [][]byte{make([]byte, wire.MaxPacket+1)}},
		{"control noise", "p2p.control", [][]byte{{byte(wire.ControlPing), 0xff}}},
		{"a second hello", "p2p.control", [][]byte{(&wire.Control{Kind: wire.ControlHello, Version: 1, MaxMessage: 1, MaxUnreliable: 1}).Append(nil)}},
		{"a member's arrival", "p2p.control", [][]byte{(&wire.Control{Kind: wire.ControlMember, Member: 9}).Append(nil)}},
		{"a member's departure", "p2p.control", [][]byte{(&wire.Control{Kind: wire.ControlGone, Member: 9, Reason: wire.ReasonRemoved}).Append(nil)}},
		{"control of gigabytes", "p2p.control", [][]byte{append([]byte{byte(wire.ControlSignal), 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 1, byte(wire.Offer)}, 0xff, 0xff, 0xff, 0xff, 0x0f)}},
		{"a giant control message", "p2p.control", [][]byte{make([]byte, wire.MaxControl+1)}},
	}
	tr := newTrial(t, nil)
	tr.liar.awaitReady()
	tr.during(func() {
		for i, lie := range lies {
			t.Run(lie.name, func(t *testing.T) {
				l := tr.liar
				if i > 0 {
					l = joinAsLiar(t, tr.server, "room", nil)
				}
				l.t = t
				l.awaitReady()
				for _, p := range lie.packets {
					l.say(lie.channel, p)
				}
				if code := tr.host.fate(l); code != core.Protocol {
					t.Errorf("it was dropped as %v", code)
				}
				l.awaitEnd()
			})
		}
	})
}

// Who lies in its first words never gets in.
func TestALyingGreetingIsNotLetIn(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*liar){
		"says nothing":        func(l *liar) { l.mute = true },
		"another version":     func(l *liar) { l.hello.Version = 9 },
		"takes no messages":   func(l *liar) { l.hello.MaxMessage = 0 },
		"something else":      func(l *liar) { l.hello = wire.Control{Kind: wire.ControlMember, Member: 1} },
		"noise":               func(l *liar) { l.hello = wire.Control{Kind: 77} },
		"opens many channels": func(l *liar) { l.mute, l.many = true, true },
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, prepare)
			tr.liar.awaitEnd()
			if tr.host.conn(tr.liar.member()) != 0 {
				t.Error("it got in")
			}
			tr.unharmed()
		})
	}
}

// Who is removed and missed the goodbye, or does not care, hears it again.
func TestARemovedMemberCannotComeBack(t *testing.T) {
	tr := newTrial(t, nil)
	tr.liar.awaitReady()
	member := tr.liar.member()
	tr.host.await("the liar", func() bool { return tr.host.here[member] != 0 })
	if err := tr.host.Disconnect(tr.host.conn(member)); err != nil {
		t.Fatal(err)
	}
	if code := tr.host.fate(tr.liar); code != core.Local {
		t.Errorf("it went as %v", code)
	}
	again := newLiarAs(t, true, tr.liar.cert)
	again.join(tr.server, "room")
	select {
	case c := <-again.heard:
		if c.Kind != wire.ControlBye || c.Reason != wire.ReasonRemoved {
			t.Errorf("it heard %+v", c)
		}
	case <-time.After(patience):
		t.Fatal("it heard nothing")
	}
	again.awaitEnd()
}
