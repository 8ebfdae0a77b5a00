package link

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"unityp2p/core/wire"
)

const patience = 2 * time.Minute

// end is one side of a link, and what it heard.
type end struct {
	t     *testing.T
	link  *Link
	other *end
	ready chan struct{} // closed when link is set on both sides
	admit bool
	sdp   func(string) string // what becomes of our descriptions on their way, if it is set

	mu       sync.Mutex
	changed  chan struct{}
	up       bool
	messages []Message
	hold     bool // do not release what comes
	held     int
	sent     [2]int
	reach    []bool
	moved    int                 // times
	way      func(sealed []byte) // nil: there is none

	restarting []bool
	controls   []wire.Control
	down       *Reason
}

func (e *end) update(f func()) {
	e.mu.Lock()
	f()
	close(e.changed)
	e.changed = make(chan struct{})
	e.mu.Unlock()
}

// await waits until f holds.
func (e *end) await(what string, f func() bool) {
	e.t.Helper()
	deadline := time.After(patience)
	for {
		e.mu.Lock()
		ok, changed := f(), e.changed
		e.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			e.t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (e *end) Signal(_ *Link, n wire.Negotiation) {
	<-e.ready
	if e.sdp != nil && n.SDP != "" {
		n.SDP = e.sdp(n.SDP)
	}
	e.other.link.Remote(n)
}
func (e *end) Admit(*Link) (bool, Reason) { return e.admit, Full }
func (e *end) Up(*Link)                   { e.update(func() { e.up = true }) }
func (e *end) Control(_ *Link, c wire.Control) {
	e.update(func() { e.controls = append(e.controls, c) })
}
func (e *end) Reach(_ *Link, reachable bool) {
	e.update(func() { e.reach = append(e.reach, reachable) })
}
func (e *end) Moved(*Link) { e.update(func() { e.moved++ }) }
func (e *end) Restarting(_ *Link, on bool) {
	e.update(func() { e.restarting = append(e.restarting, on) })
}

// Restart brings a message to the other side as the test wants it.
func (e *end) Restart(_ *Link, sealed []byte) {
	e.mu.Lock()
	way := e.way
	e.mu.Unlock()
	if way != nil {
		way(sealed)
	}
}
func (e *end) Down(_ *Link, r Reason) { e.update(func() { e.down = &r }) }
func (e *end) Sent(_ *Link, rel bool, cost int) {
	e.update(func() {
		if rel {
			e.sent[reliable] += cost
		} else {
			e.sent[unreliable] += cost
		}
	})
}

func (e *end) Messages(l *Link, messages []Message) {
	total := 0
	hold := false
	e.update(func() {
		hold = e.hold
		for _, m := range messages {
			m.Data = bytes.Clone(m.Data)
			e.messages = append(e.messages, m)
			if m.Reliable {
				total += len(m.Data) + wire.MessageCost
			}
		}
		if hold {
			e.held += total
		}
	})
	if !hold && total > 0 {
		l.Release(total)
	}
}

func testOptions() Options {
	return Options{
		OnlyLoopback: true, UDP4: true,
		MaxMessage: 16 << 20, MaxUnreliable: 256 << 10, SendBuffer: 4 << 20, ReceiveBuffer: 2 << 20,
		UnreliableMaxAge: 100 * time.Millisecond,
		UnreachableAfter: 5 * time.Second, DisconnectAfter: 30 * time.Second, ConnectTimeout: patience,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

// connect makes a pair of links; change may alter the options of both sides.
func connect(t *testing.T, change func(*Options)) (a, b *end) {
	t.Helper()
	a, b = begin(t, change, nil)
	for _, e := range []*end{a, b} {
		e.await("up", func() bool { return e.up })
	}
	return a, b
}

// begin is connect without the wait. Both descriptions are changed on their way, if
// sdp is set.
func begin(t *testing.T, change func(*Options), sdp func(string) string) (a, b *end) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	o := testOptions()
	if change != nil {
		change(&o)
	}
	ready := make(chan struct{})
	a = &end{t: t, ready: ready, admit: true, sdp: sdp, changed: make(chan struct{})}
	b = &end{t: t, ready: ready, admit: true, sdp: sdp, changed: make(chan struct{})}
	a.other, b.other = b, a
	engines := [2]*Engine{}
	for i := range engines {
		e, err := NewEngine(o)
		if err != nil {
			t.Fatal(err)
		}
		engines[i] = e
	}
	var err error
	if b.link, err = engines[1].Answer(ctx, b, engines[0].Member()); err != nil {
		t.Fatal(err)
	}
	if a.link, err = engines[0].Offer(ctx, a, engines[1].Member()); err != nil {
		t.Fatal(err)
	}
	close(ready)
	t.Cleanup(func() {
		cancel()
		<-a.link.Done()
		<-b.link.Done()
	})
	return a, b
}

func pattern(n int) []byte {
	r := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)})
	p := make([]byte, n)
	_, _ = r.Read(p)
	return p
}

// send queues a message and waits for room where it must.
func (e *end) send(data []byte, rel bool) {
	e.t.Helper()
	e.await("send buffer", func() bool {
		e.mu.Unlock()
		err := e.link.Send(data, rel, false)
		e.mu.Lock()
		if err != nil && !errors.Is(err, ErrWouldBlock) {
			e.t.Errorf("send: %v", err)
			return true
		}
		return err == nil
	})
}

func TestMessagesOfAllSizesArriveWholeAndInOrder(t *testing.T) {
	byEveryWay(t, messagesOfAllSizesArriveWholeAndInOrder)
}

func messagesOfAllSizesArriveWholeAndInOrder(t *testing.T, connect connector) {
	sizes := []int{0, 1, 2, 100, 1099, 1100, 1101, 16383, 16384, 16385, 65535, 65536, 70000, 200000, 262144, 16 << 20, 0, 5}
	a, b := connect(t, nil)
	var both sync.WaitGroup
	for _, e := range []*end{a, b} {
		both.Go(func() {
			for _, n := range sizes {
				e.send(pattern(n), true)
			}
		})
	}
	both.Wait()
	for _, e := range []*end{a, b} {
		e.await("all messages", func() bool { return len(e.messages) == len(sizes) })
		for i, n := range sizes {
			if sha256.Sum256(e.messages[i].Data) != sha256.Sum256(pattern(n)) {
				t.Errorf("message %d of %d bytes differs (%d bytes came)", i, n, len(e.messages[i].Data))
			}
		}
		want := 0
		for _, n := range sizes {
			want += n + wire.MessageCost
		}
		e.await("send budget back", func() bool { return e.sent[reliable] == want })
	}
}

func TestManySmallMessagesAreCoalesced(t *testing.T) { byEveryWay(t, manySmallMessagesAreCoalesced) }

func manySmallMessagesAreCoalesced(t *testing.T, connect connector) {
	a, b := connect(t, nil)
	const count = 20000
	for i := range count {
		a.send([]byte{byte(i), byte(i >> 8), byte(i >> 16)}, true)
	}
	b.await("all messages", func() bool { return len(b.messages) == count })
	for i, m := range b.messages {
		if got := int(m.Data[0]) | int(m.Data[1])<<8 | int(m.Data[2])<<16; got != i {
			t.Fatalf("message %d is number %d", i, got)
		}
	}
}

func TestUnreliableMessagesArriveWhole(t *testing.T) { byEveryWay(t, unreliableMessagesArriveWhole) }

func unreliableMessagesArriveWhole(t *testing.T, connect connector) {
	a, b := connect(t, nil)
	for _, n := range []int{0, 1, 1200, 20000, 262144} {
		b.update(func() { b.messages = nil })
		want := pattern(n)
		for try := 0; ; try++ { // they may be lost
			if err := a.link.Send(want, false, false); err != nil {
				t.Fatal(err)
			}
			arrived := time.After(time.Second)
			b.mu.Lock()
			for len(b.messages) == 0 {
				changed := b.changed
				b.mu.Unlock()
				select {
				case <-changed:
				case <-arrived:
					changed = nil
				}
				b.mu.Lock()
				if changed == nil {
					break
				}
			}
			got := b.messages
			b.mu.Unlock()
			if len(got) > 0 {
				if got[0].Reliable || !bytes.Equal(got[0].Data, want) {
					t.Fatalf("%d bytes: got %d bytes, reliable %v", n, len(got[0].Data), got[0].Reliable)
				}
				break
			}
			if try > 20 {
				t.Fatalf("%d bytes: never arrived", n)
			}
		}
	}
	if err := a.link.Send(make([]byte, 256<<10+1), false, false); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an unreliable message over 256 KiB: %v", err)
	}
}

// A receiver that takes nothing: the sender is held, what is kept is bounded,
// control goes on, and nothing is lost when it takes again.
func TestCreditHoldsTheSender(t *testing.T) { byEveryWay(t, creditHoldsTheSender) }

func creditHoldsTheSender(t *testing.T, connect connector) {
	const window = 256 << 10
	a, b := connect(t, func(o *Options) { o.ReceiveBuffer, o.SendBuffer = window, window })
	b.update(func() { b.hold = true })
	const size = 10000
	sent := 0
	quiet := 0
	for quiet < 20 { // until nothing has moved for a while
		err := a.link.Send(pattern(size), true, false)
		switch {
		case err == nil:
			sent++
			quiet = 0
		case errors.Is(err, ErrWouldBlock):
			quiet++
			a.pingThrough(b)
		default:
			t.Fatal(err)
		}
	}
	b.mu.Lock()
	if b.held > window+size+wire.MessageCost {
		t.Errorf("%d bytes are held; the window is %d", b.held, window)
	}
	got, held := len(b.messages), b.held
	b.mu.Unlock()
	if got == sent {
		t.Error("the sender was not held")
	}
	b.update(func() { b.hold = false })
	b.link.Release(held)
	b.await("the rest", func() bool { return len(b.messages) == sent })
	for i, m := range b.messages {
		if len(m.Data) != size || !m.Reliable {
			t.Fatalf("message %d has %d bytes", i, len(m.Data))
		}
	}
}

// pingThrough sends a room message over the control channel and awaits it.
func (e *end) pingThrough(to *end) {
	e.t.Helper()
	to.mu.Lock()
	n := len(to.controls)
	to.mu.Unlock()
	e.link.SendControl(wire.Control{Kind: wire.ControlMember, Member: 1})
	to.await("control message", func() bool { return len(to.controls) > n })
}

func TestCloseSaysGoodbyeAfterTheLastMessage(t *testing.T) {
	byEveryWay(t, closeSaysGoodbyeAfterTheLastMessage)
}

func closeSaysGoodbyeAfterTheLastMessage(t *testing.T, connect connector) {
	for why, want := range map[Reason]Reason{Left: Left, Removed: Removed} {
		a, b := connect(t, nil)
		for range 100 {
			a.send(pattern(1000), true)
		}
		a.link.Close(why)
		b.await("down", func() bool { return b.down != nil })
		a.await("down", func() bool { return a.down != nil })
		if *b.down != want || *a.down != Local {
			t.Errorf("close as %d: the other side heard %d, we %d", why, *b.down, *a.down)
		}
		if len(b.messages) != 100 {
			t.Errorf("close as %d: %d of 100 messages came first", why, len(b.messages))
		}
		if err := a.link.Send(nil, true, false); !errors.Is(err, ErrClosed) {
			t.Errorf("sending after the end: %v", err)
		}
	}
}

func TestSilenceIsNoticed(t *testing.T) { byEveryWay(t, silenceIsNoticed) }

func silenceIsNoticed(t *testing.T, connect connector) {
	a, b := connect(t, func(o *Options) {
		o.UnreachableAfter, o.DisconnectAfter = time.Second, 4*time.Second
	})
	// b can say nothing from now on, though its connection stays open: as if it
	// had vanished.
	b.link.out.mu.Lock()
	defer b.link.out.mu.Unlock()
	a.await("unreachable", func() bool { return len(a.reach) > 0 && !a.reach[0] })
	a.await("down", func() bool { return a.down != nil })
	if *a.down != TimedOut {
		t.Errorf("ended with reason %d", *a.down)
	}
}

func TestAWrongMemberIsNotLetIn(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ready := make(chan struct{})
	a := &end{t: t, ready: ready, admit: true, changed: make(chan struct{})}
	b := &end{t: t, ready: ready, admit: true, changed: make(chan struct{})}
	a.other, b.other = b, a
	ea, err := NewEngine(testOptions())
	if err != nil {
		t.Fatal(err)
	}
	eb, err := NewEngine(testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if a.link, err = ea.Offer(ctx, a, eb.Member()+1); err != nil {
		t.Fatal(err)
	}
	if b.link, err = eb.Answer(ctx, b, 0); err != nil {
		t.Fatal(err)
	}
	close(ready)
	a.await("down", func() bool { return a.down != nil })
	if *a.down != OtherMember || a.up {
		t.Errorf("ended with reason %d, up %v", *a.down, a.up)
	}
	cancel()
	<-b.link.Done()
}

func TestNoRoomIsSaid(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ready := make(chan struct{})
	a := &end{t: t, ready: ready, admit: true, changed: make(chan struct{})}
	b := &end{t: t, ready: ready, admit: false, changed: make(chan struct{})}
	a.other, b.other = b, a
	e, err := NewEngine(testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if a.link, err = e.Offer(ctx, a, 0); err != nil {
		t.Fatal(err)
	}
	if b.link, err = e.Answer(ctx, b, 0); err != nil {
		t.Fatal(err)
	}
	close(ready)
	a.await("down", func() bool { return a.down != nil })
	if *a.down != Full || a.up {
		t.Errorf("ended with reason %d, up %v", *a.down, a.up)
	}
	b.await("down", func() bool { return b.down != nil })
}

func TestLinksLeaveNoGoroutineBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		a, b := connect(t, nil)
		a.link.Close(Left)
		b.await("down", func() bool { return b.down != nil })
		<-a.link.Done()
	}
	awaitGoroutines(t, before)
}

// awaitGoroutines waits until there are no more than there were.
func awaitGoroutines(t *testing.T, before int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before+2 {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
		}
		runtime.Gosched()
	}
}
