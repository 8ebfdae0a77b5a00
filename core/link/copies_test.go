package link

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"unityp2p/core/wire"
)

func playedEngine(t *testing.T) *Engine {
	t.Helper()
	e, err := NewEngine(testOptions())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// playedDelay is how long a packet takes, if nothing else is said.
const playedDelay = 50 * time.Millisecond

// play runs f with a pair of links, in synctest's time.
func play(t *testing.T, engine *Engine, copies bool, seed uint64, f func(a, b *played, ways [2]*way)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ways := [2]*way{}
		for i := range ways {
			ways[i] = &way{random: rand.New(rand.NewPCG(seed, uint64(i))), now: weather{delay: playedDelay}}
		}
		a, b, end := playPair(t, engine, copies, ways)
		defer end()
		time.Sleep(1500 * time.Millisecond) // a round trip is known
		f(a, b, ways)
	})
}

// With 60 messages a second and 100 ms there and back, a message that was lost twice
// holds nothing up for a second.
func TestWhatIsLostTwiceIsNotWaitedFor(t *testing.T) {
	engine := playedEngine(t)
	for _, tt := range []struct {
		loss     float64
		p95, p99 time.Duration
	}{
		{0.01, 250 * time.Millisecond, 350 * time.Millisecond},
		{0.05, 350 * time.Millisecond, 500 * time.Millisecond},
		{0.20, 600 * time.Millisecond, 900 * time.Millisecond},
	} {
		t.Run(fmt.Sprint(tt.loss), func(t *testing.T) {
			play(t, engine, true, 1, func(a, b *played, ways [2]*way) {
				for _, w := range ways {
					w.set(weather{delay: playedDelay, loss: tt.loss})
				}
				const count = 60 * 120
				sent := make([]time.Time, count)
				var late []time.Duration
				b.asked = func(m Message) {
					if m.Reliable {
						late = append(late, time.Since(sent[binary.BigEndian.Uint32(m.Data)]))
					}
				}
				message := make([]byte, 200)
				for i := range count {
					binary.BigEndian.PutUint32(message, uint32(i))
					sent[i] = time.Now()
					for _, reliable := range []bool{true, false} {
						if err := a.Send(message, reliable, false); err != nil {
							t.Fatal(err)
						}
					}
					time.Sleep(time.Second / 60)
				}
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if len(late) != count {
					t.Fatalf("%d of %d came", len(late), count)
				}
				slices.Sort(late)
				p50, p95, p99 := late[count/2], late[count*95/100], late[count*99/100]
				copies := a.packets(unreliable, wire.SingleCopy)
				t.Logf("%g %% lost: p50 %v, p95 %v, p99 %v, most %v; %.1f %% copied, %d withheld for good; %d of %d unreliable came",
					100*tt.loss, p50, p95, p99, late[count-1], 100*float64(copies)/count,
					count-a.packets(reliable, wire.SinglePacket), b.news, count)
				if p95 > tt.p95 || p99 > tt.p99 {
					t.Errorf("p95 is %v (at most %v), p99 %v (%v)", p95, tt.p95, p99, tt.p99)
				}
				if most := 3 * count; copies > most {
					t.Errorf("%d copies of %d messages", copies, count)
				}
			})
		})
	}
}

// While nothing is lost, nothing is copied.
func TestNothingIsCopiedOnAGoodNetwork(t *testing.T) {
	play(t, playedEngine(t), true, 1, func(a, b *played, _ [2]*way) {
		for range 6000 {
			if err := a.Send(make([]byte, 100), true, false); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if copies := a.packets(unreliable, wire.SingleCopy) + a.packets(unreliable, wire.BatchCopy); copies > 0 || len(b.came) != 6000 {
			t.Errorf("%d copies; %d came", copies, len(b.came))
		}
		if got := b.packets(unreliable, wire.GotPacket); got > 61*25 {
			t.Errorf("told %d times in a minute what came", got)
		}
	})
}

// Whatever the network does, and whatever is sent in which order, all of it comes
// once and in order, is paid for once, and the goodbye comes last.
func TestCopiesInEveryOrder(t *testing.T) {
	engine := playedEngine(t)
	for seed := range uint64(60) {
		play(t, engine, true, seed, func(a, b *played, ways [2]*way) { playCourse(t, seed, a, b, ways) })
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

func playCourse(t *testing.T, seed uint64, a, b *played, ways [2]*way) {
	random := rand.New(rand.NewPCG(seed, 99))
	var sent [2][][]byte
	for range 400 {
		for i, p := range []*played{a, b} {
			for range random.IntN(4) {
				m := courseMessage(random, uint32(len(sent[i])))
				if err := p.Send(m, true, false); err != nil {
					continue // the buffer is full
				}
				sent[i] = append(sent[i], m)
			}
			if random.IntN(3) == 0 {
				_ = p.Send(make([]byte, random.IntN(2000)), false, false)
			}
		}
		if random.IntN(40) == 0 {
			for _, w := range ways {
				w.set(weather{
					delay: playedDelay, loss: random.Float64() * 0.5, double: random.Float64() * 0.3, disturb: random.Float64() * 0.3,
					dark: random.IntN(8) == 0,
				})
			}
		}
		time.Sleep(time.Duration(random.Int64N(int64(60 * time.Millisecond))))
	}
	for _, w := range ways {
		now := w.weather()
		now.dark = false
		w.set(now)
	}
	a.out.finish(Left)
	<-a.out.flushed
	b.await(Left)
	for i, p := range []*played{b, a} {
		p.incoming.mu.Lock()
		p.mu.Lock()
		total := 0
		for n, m := range p.came {
			total += int(cost(len(m)))
			if n >= len(sent[i]) || !bytes.Equal(m, sent[i][n]) {
				t.Errorf("message %d of %d, of %d bytes, is not the one sent", n, len(sent[i]), len(m))
				break
			}
		}
		if i == 0 && len(p.came) != len(sent[i]) {
			t.Errorf("%d of %d messages came before the goodbye", len(p.came), len(sent[i]))
		}
		if p.incoming.part != nil { // the other side goes on
			total += int(cost(len(p.incoming.part)))
		}
		p.in.mu.Lock()
		if p.in.received != uint64(total) || p.in.unread != 0 {
			t.Errorf("cost %d came and %d counted, %d unread", total, p.in.received, p.in.unread)
		}
		p.in.mu.Unlock()
		p.mu.Unlock()
		if e := p.incoming.early; e.cost > mostEarly {
			t.Errorf("%d copies wait, cost %d", len(e.packets), e.cost)
		}
		p.incoming.mu.Unlock()
	}
}

// await waits until the link has ended for that reason.
func (p *played) await(why Reason) {
	p.t.Helper()
	select {
	case r := <-p.end:
		if r != why {
			p.t.Errorf("ended for reason %d, not %d", r, why)
		}
	case <-time.After(time.Minute):
		p.t.Error("did not end")
	}
}

// courseMessage is mostly small, now and then one that goes alone, or in fragments.
func courseMessage(random *rand.Rand, number uint32) []byte {
	n := random.IntN(400)
	switch random.IntN(30) {
	case 0:
		n = random.IntN(fragmentSize)
	case 1:
		n = fragmentSize + random.IntN(100_000)
	}
	m := make([]byte, n+4)
	binary.BigEndian.PutUint32(m, number)
	for i := 4; i < len(m); i += 97 {
		m[i] = byte(random.Uint32())
	}
	return m
}

// A peer that does not know of copies gets none, and may send none.
func TestWhoDoesNotKnowOfCopiesGetsNone(t *testing.T) {
	play(t, playedEngine(t), false, 5, func(a, b *played, ways [2]*way) {
		ways[0].set(weather{delay: playedDelay, loss: 0.3})
		for range 600 {
			if err := a.Send(make([]byte, 100), true, false); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, kind := range []wire.PacketKind{wire.SingleCopy, wire.BatchCopy, wire.GotPacket} {
			if n := a.packets(unreliable, kind) + b.packets(unreliable, kind); n > 0 {
				t.Errorf("%d packets of kind %d", n, kind)
			}
		}
		if len(b.came) != 600 {
			t.Errorf("%d came", len(b.came))
		}
		r := unreliableReader{link: b.Link}
		if r.take(wire.AppendCopy(nil, append(wire.AppendPacketHead(nil, wire.SinglePacket, 601), 'x'))) {
			t.Error("took a copy")
		}
	})
}

// What a liar says in copies ends its connection, or costs nobody else anything.
func TestLyingCopies(t *testing.T) {
	engine := playedEngine(t)
	packet := func(kind wire.PacketKind, seq uint64, body string) []byte {
		return append(wire.AppendPacketHead(nil, kind, seq), body...)
	}
	single := func(seq uint64) []byte { return packet(wire.SinglePacket, seq, "x") }
	batch := func(seq uint64, count int) []byte {
		p := wire.AppendPacketHead(nil, wire.BatchPacket, seq)
		for range count {
			p = wire.AppendMessage(p, []byte("x"))
		}
		return p
	}
	piece := func(offset uint64) []byte { return wire.AppendFragment(nil, 1, 4096, offset, make([]byte, 2048)) }
	type step struct {
		copied bool
		packet []byte
	}
	on := func(p []byte) step { return step{false, p} }
	aside := func(p []byte) step { return step{true, wire.AppendCopy(nil, p)} }
	for name, tt := range map[string]struct {
		steps []step
		last  bool // whether the last step is taken
		came  int
	}{
		"copy first":                     {[]step{aside(single(1)), on(single(1)), on(single(2))}, true, 2},
		"copy of the next":               {[]step{aside(single(2)), on(single(1)), on(single(2)), on(single(3))}, true, 3},
		"left out":                       {[]step{aside(single(1)), on(single(2))}, true, 2},
		"left out without a copy":        {[]step{on(single(2))}, false, 0},
		"left out, too many":             {[]step{aside(single(1)), on(single(3))}, false, 1},
		"twice on the channel":           {[]step{on(single(1)), on(single(1))}, false, 1},
		"twice after a copy":             {[]step{aside(single(1)), on(single(1)), on(single(1))}, false, 1},
		"copy cut otherwise":             {[]step{aside(batch(1, 2)), on(batch(1, 3))}, false, 2},
		"copy cut otherwise, later":      {[]step{on(batch(1, 2)), aside(batch(2, 2))}, false, 2},
		"early copy cut otherwise":       {[]step{aside(single(2)), on(batch(1, 2)), on(single(3))}, true, 3},
		"early copy overlaps":            {[]step{aside(batch(2, 2)), on(batch(1, 2))}, false, 2},
		"copy of what is in pieces":      {[]step{on(piece(0)), aside(single(1))}, false, 0},
		"pieces of what was copied":      {[]step{aside(single(1)), on(piece(0))}, false, 1},
		"pieces before an early copy":    {[]step{aside(single(2)), on(piece(0)), on(piece(2048)), on(single(2))}, true, 2},
		"empty batch":                    {[]step{aside(batch(1, 0))}, false, 0},
		"copy on the reliable channel":   {[]step{on(wire.AppendCopy(nil, single(1)))}, false, 0},
		"said on the reliable channel":   {[]step{on((&wire.Got{Missing: 1}).Append(nil))}, false, 0},
		"copy of the last number":        {[]step{aside(single(^uint64(0))), on(single(1))}, true, 1},
		"copy of more than there can be": {[]step{aside(batch(^uint64(0), 2)), on(single(1))}, true, 1},
	} {
		h := &counter{}
		l := &Link{engine: engine, handler: h, own: true, copies: true, end: make(chan Reason, 1)}
		l.out.init(1 << 20)
		l.in.init(1 << 20)
		l.in.grant()
		l.incoming.link = l
		r := unreliableReader{link: l}
		for i, s := range tt.steps {
			took := false
			if s.copied {
				took = r.take(s.packet)
			} else {
				took = l.incoming.take(s.packet)
			}
			if want := i < len(tt.steps)-1 || tt.last; took != want {
				t.Errorf("%s: step %d: took it: %v", name, i, took)
			}
		}
		if h.messages != tt.came {
			t.Errorf("%s: %d messages came, not %d", name, h.messages, tt.came)
		}
	}
}

// Copies that nobody needs take bounded memory.
func TestEarlyCopiesAreBounded(t *testing.T) {
	var e early
	for seq := uint64(10_000); seq > 1; seq-- {
		e.add(&wire.Packet{Kind: wire.SinglePacket, Seq: seq, Body: make([]byte, 50)}, 1)
		if e.cost > mostEarly {
			t.Fatalf("cost %d", e.cost)
		}
	}
	if spans := e.spans(nil); len(spans) != 1 || spans[0].First != 2 || spans[0].Count != uint64(len(e.packets)) {
		t.Errorf("%d packets are %v", len(e.packets), spans)
	}
	for seq := uint64(1); len(e.packets) > 0; seq++ {
		if k := e.next(seq); k == nil || k.Seq != seq+1 {
			t.Fatalf("%d packets, but %v comes after %d", len(e.packets), k, seq)
		}
	}
	if e.cost != 0 {
		t.Errorf("nothing costs %d", e.cost)
	}
}
