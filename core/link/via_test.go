package link

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"unityp2p/core/wire"
)

// connector makes a pair of links.
type connector func(t *testing.T, change func(*Options)) (a, b *end)

// byEveryWay runs a test with links of their own, and with those over a host.
func byEveryWay(t *testing.T, test func(t *testing.T, connect connector)) {
	t.Run("direct", func(t *testing.T) { test(t, connect) })
	t.Run("via host", func(t *testing.T) { test(t, connectVia) })
}

func connectVia(t *testing.T, change func(*Options)) (a, b *end) {
	t.Helper()
	r := newRelay(t, 0, change, change)
	return r.connect(0, 1)
}

// relay is a host and its clients.
type relay struct {
	t        *testing.T
	ctx      context.Context
	exchange *Exchange
	clients  []*client
	routes   atomic.Uint64
}

// client is linked to the host.
type client struct {
	relay  *relay
	engine *Engine
	toHost *end
	atHost *end

	mu     sync.Mutex
	accept func(c wire.Control) // somebody begins a connection
}

// newRelay links clients to a host, each with options of its own.
func newRelay(t *testing.T, rate int, changes ...func(*Options)) *relay {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &relay{t: t, ctx: ctx, exchange: NewExchange(rate)}
	host := newTestEngine(t, func(o *Options) { o.Host = true })
	for _, change := range changes {
		r.clients = append(r.clients, r.join(host, newTestEngine(t, change)))
	}
	t.Cleanup(func() {
		cancel()
		for _, c := range r.clients {
			<-c.toHost.link.Done()
			<-c.atHost.link.Done()
		}
	})
	return r
}

func newTestEngine(t *testing.T, change func(*Options)) *Engine {
	t.Helper()
	o := testOptions()
	o.Relay = true
	if change != nil {
		change(&o)
	}
	e, err := NewEngine(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (r *relay) join(host, engine *Engine) *client {
	r.t.Helper()
	ready := make(chan struct{})
	c := &client{relay: r, engine: engine}
	c.toHost, c.atHost = newEnd(r.t, ready), newEnd(r.t, ready)
	c.toHost.other, c.atHost.other = c.atHost, c.toHost
	var err error
	if c.atHost.link, err = host.Answer(r.ctx, &carrying{c.atHost, nil, r.exchange.Add}, 0); err != nil {
		r.t.Fatal(err)
	}
	if c.toHost.link, err = engine.Offer(r.ctx, &carrying{c.toHost, c, (*Link).Carry}, 0); err != nil {
		r.t.Fatal(err)
	}
	close(ready)
	c.toHost.await("up", func() bool { return c.toHost.up })
	c.atHost.await("up", func() bool { return c.atHost.up })
	return c
}

func newEnd(t *testing.T, ready chan struct{}) *end {
	return &end{t: t, ready: ready, admit: true, changed: make(chan struct{})}
}

// carrying is an end of a link that carries others.
type carrying struct {
	*end
	client *client
	begin  func(*Link)
}

func (c *carrying) Up(l *Link) {
	c.begin(l)
	c.end.Up(l)
}

func (c *carrying) Control(l *Link, m wire.Control) {
	if m.Kind == wire.ControlRelayed && c.client != nil {
		c.client.mu.Lock()
		defer c.client.mu.Unlock()
		c.client.accept(m)
		return
	}
	c.end.Control(l, m)
}

// connect links two clients over the host.
func (r *relay) connect(i, j int) (a, b *end) {
	r.t.Helper()
	a, b = newEnd(r.t, nil), newEnd(r.t, nil)
	ca, cb := r.clients[i], r.clients[j]
	a.other, b.other = b, a
	number := r.routes.Add(1)
	begun := make(chan struct{})
	cb.mu.Lock()
	cb.accept = func(m wire.Control) {
		defer close(begun)
		var err error
		if b.link, err = cb.engine.Via(r.ctx, b, cb.toHost.link, m.Member, m.Route); err != nil {
			r.t.Error(err)
			return
		}
		b.link.Hear(m.Body)
	}
	cb.mu.Unlock()
	var err error
	if a.link, err = ca.engine.Via(r.ctx, a, ca.toHost.link, cb.engine.Member(), number); err != nil {
		r.t.Fatal(err)
	}
	<-begun
	r.t.Cleanup(func() {
		a.link.Close(Left)
		b.link.Close(Left)
		<-a.link.Done()
		<-b.link.Done()
	})
	a.await("up", func() bool { return a.up })
	b.await("up", func() bool { return b.up })
	return a, b
}

func TestLinksOverTheHostLeaveNoGoroutineBehind(t *testing.T) {
	r := newRelay(t, 0, nil, nil)
	before := runtime.NumGoroutine()
	for range 3 {
		a, b := r.connect(0, 1)
		a.link.Close(Left)
		b.await("down", func() bool { return b.down != nil })
		<-a.link.Done()
	}
	awaitGoroutines(t, before)
}

// While the link to the host is silent, what its connections have to say of themselves
// does not pile up: all at once it would be more than the host takes.
func TestPingsThroughTheHostDoNotPileUp(t *testing.T) {
	engine := newTestEngine(t, func(o *Options) { o.UnreachableAfter = 500 * time.Millisecond })
	synctest.Test(t, func(t *testing.T) {
		carrier := engine.blank(nil, 0, false)
		carrier.Carry()
		ctx, cancel := context.WithCancel(context.Background())
		l, err := engine.Via(ctx, &played{t: t}, carrier, 2, 7)
		if err != nil {
			t.Fatal(err)
		}
		hello := aHello()
		l.Hear(hello.Append(nil))
		carrier.leave()
		for token := range uint64(600) { // the other side is heard, and hears nothing
			ping := wire.Control{Kind: wire.ControlPing, Token: token}
			l.Hear(ping.Append(nil))
			time.Sleep(100 * time.Millisecond)
		}
		if n := carrier.leave(); n == 0 || n > 3 {
			t.Errorf("%d control messages leave after a minute, want two or three", n)
		}
		cancel()
		<-l.Done()
	})
}

// leave lets all control messages that a link carries leave, and counts them.
func (l *Link) leave() (n int) {
	synctest.Wait()
	for p, _ := l.carriage.next(control, nil); p != nil; p, _ = l.carriage.next(control, nil) {
		n++
		synctest.Wait()
	}
	return n
}

// Who leaves is seen to leave, also if what it said before does not get through in time.
func TestAGoodbyeThroughTheHostDoesNotWaitForEver(t *testing.T) {
	r := newRelay(t, 100<<10, nil, nil)
	a, b := r.connect(0, 1)
	for range 100 {
		a.send(pattern(10000), true)
	}
	a.link.Close(Removed)
	b.await("down", func() bool { return b.down != nil })
	if *b.down != Removed {
		t.Errorf("the other side heard %d", *b.down)
	}
}
