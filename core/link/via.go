package link

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"unityp2p/core/wire"
)

// via is a client's connection to another client that runs over its link to the
// host, as another would over pion: the same hello, credit, heartbeat and goodbye,
// end to end. Who is at the other end is what the host says.
type via struct {
	link    *Link // that runs over it
	route   route
	passage passage
	streams [channelCount]*viaStream
}

// Carry lets links run over this one, which must be the one to the host of our room,
// before anybody else knows of it.
func (l *Link) Carry() { l.carriage = newCarriage(l) }

// Via begins a link to another client over the link to the host: from both sides,
// with the same route.
func (e *Engine) Via(ctx context.Context, h Handler, carrier *Link, member, number uint64) (*Link, error) {
	l := e.blank(h, member, false)
	l.own = true
	v := &via{link: l, route: route{member, number}}
	l.via = v
	v.passage.carriage, v.passage.limit = carrier.carriage, wire.RelayWindow
	for kind := range v.streams {
		s := newViaStream(v, kind)
		v.streams[kind] = s
		l.channels[kind] = &channel{kind: kind, stream: s}
	}
	if !carrier.carriage.add(v) {
		return nil, ErrClosed
	}
	go l.superviseVia(ctx)
	return l, nil
}

// add begins to carry a connection.
func (c *carriage) add(v *via) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over || c.routes[v.route] != nil {
		return false
	}
	c.routes[v.route] = v
	return true
}

// find returns the connection of a route, nil if there is none.
func (c *carriage) find(member, number uint64) *via {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.routes[route{member, number}]
}

// remove ends a connection. Its goodbye may still have to leave.
func (c *carriage) remove(v *via) {
	c.mu.Lock()
	delete(c.routes, v.route)
	for _, kind := range []int{reliable, unreliable} {
		v.passage.lanes[kind].queue = queue{}
	}
	c.mu.Unlock()
	c.wake() // a goodbye of the link's own may have waited for this
	v.end()
}

// connections returns the links that run over this one.
func (c *carriage) connections() (links []*Link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.routes {
		links = append(links, v.link)
	}
	return links
}

// idle reports whether the link may say goodbye.
func (c *carriage) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hurried || len(c.routes) == 0 && len(c.active[control]) == 0
}

// hurry lets the link say goodbye at once.
func (c *carriage) hurry() {
	c.mu.Lock()
	c.hurried = true
	c.mu.Unlock()
}

// end ends the streams for those who read and write them.
func (v *via) end() {
	v.link.fail.Do(func() { close(v.link.failed) })
	for _, s := range v.streams {
		s.close()
	}
}

// arrive takes a packet from the other end.
func (v *via) arrive(kind int, packet []byte) {
	if !v.streams[kind].arrive(packet) {
		v.link.stop(Protocol)
	}
}

// waits reports whether something of the control channel has not left for the host yet.
// A ping behind it would tell nothing; and those of a while, all at once when the host's
// link is back, are more than it takes.
func (v *via) waits() bool { return v.streams[control].BufferedAmount() > 0 }

// Hear gives a link that runs over the host the control message that it begins by.
func (l *Link) Hear(message []byte) { l.via.arrive(control, message) }

// superviseVia is supervise for a link over the host.
func (l *Link) superviseVia(ctx context.Context) {
	defer close(l.done)
	reason := l.connectVia(ctx)
	if reason == nil {
		r := l.talk(ctx)
		reason = &r
		if r == Local {
			l.lastWord()
		}
	}
	l.via.passage.carriage.remove(l.via)
	l.in.close()
	l.in.readers.Wait()
	l.handler.Down(l, *reason)
}

// lastWord says goodbye if that could not wait any longer for what was sent before:
// nobody else would tell the other side. The writer has ended.
func (l *Link) lastWord() {
	if l.saidBye {
		return
	}
	l.out.mu.Lock()
	bye := l.out.bye()
	l.out.mu.Unlock()
	_, _ = l.channels[control].stream.Write(bye) // where it is lost the silence tells
}

// connectVia is connect for a link over the host: there is a path already.
func (l *Link) connectVia(ctx context.Context) *Reason {
	timeout := time.NewTimer(min(l.engine.options.ConnectTimeout, viaTime))
	defer timeout.Stop()
	l.member = l.expect
	if in, why := l.handler.Admit(l); !in {
		l.refuse(why)
		return l.giveUp("admitting", errors.New("not let in"), Failed)
	}
	hello := make(chan helloResult, 1)
	l.in.readers.Go(func() { hello <- l.greet() })
	for failed := l.failed; ; {
		select {
		case r := <-hello:
			return l.welcome(&r)
		case r := <-l.end:
			return &r
		case <-l.closer:
			r := Local
			return &r
		case <-failed:
			failed = nil // greet finds out, or has a refusal that came before
		case <-timeout.C:
			return l.giveUp("greeting through the host", errors.New("timed out"), Failed)
		case <-ctx.Done():
			r := Local
			return &r
		}
	}
}

// viaTime bounds the wait for the other side's hello.
const viaTime = 10 * time.Second

// viaStream is one channel of it.
type viaStream struct {
	via  *via
	kind int
	head []byte // scratch of the writer's

	ready chan struct{} // something to read, or the end
	until time.Time     // the reader's deadline

	mu   sync.Mutex
	came queue
	most int // cost of what may have come and is not read
	over bool
}

func newViaStream(v *via, kind int) *viaStream {
	s := &viaStream{via: v, kind: kind, ready: make(chan struct{}, 1)}
	switch kind {
	case reliable:
		// Credit is counted in messages. Packets are at most so much more.
		s.most = v.link.engine.options.ReceiveBuffer/4*5 + 64<<10
	case unreliable:
		s.most = unreliableQueue
	case control:
		s.most = mostCarriedControl
	}
	s.via.passage.lanes[kind].extra = len(s.wrap(nil, []byte{0})) - 1
	return s
}

// wrap makes a packet of ours one that the host can pass on.
func (s *viaStream) wrap(dst, packet []byte) []byte {
	r := s.via.route
	if s.kind == control {
		c := wire.Control{Kind: wire.ControlRelayed, Member: r.member, Route: r.number, Body: packet}
		return c.Append(dst)
	}
	return wire.AppendRelayed(dst, r.member, r.number, packet)
}

// Write implements stream.
func (s *viaStream) Write(p []byte) (int, error) {
	s.head = s.wrap(s.head[:0], p)
	if !s.via.passage.put(s.kind, s.head) {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

// arrive takes a packet from the other end. It reports false if that sent more
// than it may.
func (s *viaStream) arrive(p []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := wire.RelayCost(len(p))
	if s.kind == unreliable {
		for s.came.cost > 0 && s.came.cost+n > s.most {
			s.came.pop()
		}
	}
	if s.came.cost+n > s.most {
		return false
	}
	if !s.over {
		s.came.push(p, false, 0)
		s.signal()
	}
	return true
}

func (s *viaStream) signal() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// Read implements stream. What came before the end is read first.
func (s *viaStream) Read(p []byte) (int, error) {
	var late <-chan time.Time
	if !s.until.IsZero() {
		timer := time.NewTimer(time.Until(s.until))
		defer timer.Stop()
		late = timer.C
	}
	for {
		if n, ok, err := s.read(p); ok {
			return n, err
		}
		select {
		case <-s.ready:
		case <-late:
			return 0, errViaLate
		}
	}
}

var errViaLate = errors.New("nothing came through the host in time")

// read is Read, if there is something to say.
func (s *viaStream) read(p []byte) (n int, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.came.first()
	switch {
	case first == nil && s.over:
		s.signal() // for the next to ask
		return 0, true, io.EOF
	case first == nil:
		return 0, false, nil
	case len(*first) > len(p):
		s.signal()
		return 0, true, io.ErrShortBuffer
	}
	n = copy(p, *first)
	s.came.pop()
	s.came.rewind()
	return n, true, nil
}

// close ends the stream.
func (s *viaStream) close() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.signal()
}

// SetReadDeadline implements stream. It is the reader's to call.
func (s *viaStream) SetReadDeadline(t time.Time) error {
	s.until = t
	return nil
}

// BufferedAmount implements stream. What left for the host does not count: only
// who reads it at the other end acknowledges it.
func (s *viaStream) BufferedAmount() uint64 {
	c := s.via.passage.carriage
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.lane().held
}

// SetBufferedAmountLowThreshold implements stream.
func (s *viaStream) SetBufferedAmountLowThreshold(threshold uint64) {
	c := s.via.passage.carriage
	c.mu.Lock()
	defer c.mu.Unlock()
	s.lane().threshold = threshold
}

// OnBufferedAmountLow implements stream.
func (s *viaStream) OnBufferedAmountLow(f func()) {
	c := s.via.passage.carriage
	c.mu.Lock()
	defer c.mu.Unlock()
	s.lane().low = f
}

func (s *viaStream) lane() *lane { return &s.via.passage.lanes[s.kind] }
