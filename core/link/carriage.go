package link

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"unityp2p/core/wire"
)

// carriage is what a link carries besides its own: packets of connections between
// clients that do not reach each other. At a client's link to the host they are the
// client's own connections, at the host's those of the client at the other end.
type carriage struct {
	started time.Time
	wake    func() // the link's writer
	maxAge  time.Duration
	limit   *rate.Limiter // host: bytes a second, of all its links together; nil: any number

	mu      sync.Mutex
	over    bool
	hurried bool                       // the link says goodbye though others have not
	routes  map[route]*via             // client: its connections
	active  [channelCount][]*passage   // those with a packet that may leave, in turn
	waiting [channelCount]atomic.Int32 // how many they are, for a look without the lock
	round   [channelCount]int          // turns until the link's own traffic has one
	counts  [channelCount]carriedCount // statistics
	paused  *time.Timer                // for the limit: wakes the writer; nil: not paused
}

// route names a connection: the member at its other end, and which one of that pair
// it is.
type route struct{ member, number uint64 }

// carriedCount counts the packets of one channel.
type carriedCount struct{ bytes, dropped uint64 }

// turnSize is how many bytes of a channel one connection sends before the next has
// its turn; so does the link's own traffic.
const turnSize = 16 << 10

// Bounds of what the host holds of a connection, one way. Reliable packets have
// credit of their own.
const (
	mostCarriedNews    = 320 << 10 // unreliable; beyond it the oldest is dropped
	mostCarriedControl = 256 << 10 // control; beyond it the sender broke the protocol. An hour of pings is less
)

func newCarriage(l *Link) *carriage {
	return &carriage{
		started: l.started, wake: l.out.signal, maxAge: l.engine.options.UnreliableMaxAge,
		routes: make(map[route]*via),
	}
}

// passage is one connection's way out over the link that carries it. All of it
// belongs to the carriage's lock.
type passage struct {
	carriage *carriage
	lanes    [channelCount]lane
	sent     uint64 // reliable cost that left
	limit    uint64 // that may leave in all

	// The host's, who takes packets from one link and sends them by another.
	over           bool               // a newer connection has taken its place
	taken, granted uint64             // reliable cost that came, and that may come in all
	grant          func(limit uint64) // tells the sender; nil at a client
}

// lane holds packets of one channel as they are to leave.
type lane struct {
	queue     queue
	active    bool
	turn      int    // bytes left of its turn
	extra     int    // bytes of each packet that its sender does not count
	held      uint64 // bytes that its sender counts
	threshold uint64
	low       func() // called when held falls to the threshold; may be nil
}

// put queues a packet of a client's own.
func (p *passage) put(kind int, packet []byte) bool {
	c := p.carriage
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return false
	}
	p.push(kind, packet)
	return true
}

// take queues a packet that came from the sender's link. It reports false if the
// sender had no right to send so much.
func (p *passage) take(kind int, packet []byte) bool {
	c := p.carriage
	c.mu.Lock()
	defer c.mu.Unlock()
	most, n := &p.lanes[kind].queue, wire.RelayCost(len(packet))
	switch kind {
	case reliable:
		if p.taken += uint64(n); p.taken > p.granted {
			return false
		}
	case unreliable:
		for most.cost > 0 && most.cost+n > mostCarriedNews {
			p.pop(kind)
			c.counts[kind].dropped++
		}
	case control:
		if most.cost+n > mostCarriedControl {
			return false
		}
	}
	if !c.over && !p.over { // else it is for nobody
		p.push(kind, packet)
	}
	return true
}

func (p *passage) push(kind int, packet []byte) {
	l, now := &p.lanes[kind], time.Duration(0)
	if kind == unreliable { // only those get too old
		now = time.Since(p.carriage.started)
	}
	l.queue.push(packet, false, now)
	l.held += uint64(len(packet) - l.extra)
	p.activate(kind)
}

// activate lines up the lane, unless it is empty or may not send.
func (p *passage) activate(kind int) {
	l, c := &p.lanes[kind], p.carriage
	if l.active || !p.ready(kind) {
		return
	}
	l.active, l.turn = true, turnSize
	c.active[kind] = append(c.active[kind], p)
	c.waiting[kind].Add(1)
	c.wake()
}

// ready reports whether a lane has a packet that may leave.
func (p *passage) ready(kind int) bool {
	first := p.lanes[kind].queue.first()
	return first != nil && (kind != reliable || p.sent+uint64(wire.RelayCost(len(*first))) <= p.limit)
}

// pop removes the lane's first packet, of which the sender is told where it asked
// for that.
func (p *passage) pop(kind int) {
	l := &p.lanes[kind]
	before := l.held
	l.held -= uint64(len(*l.queue.first()) - l.extra)
	l.queue.pop()
	l.queue.rewind()
	if l.low != nil && before > l.threshold && l.held <= l.threshold {
		l.low()
	}
}

// allow raises what may leave in all.
func (p *passage) allow(limit uint64) {
	c := p.carriage
	c.mu.Lock()
	defer c.mu.Unlock()
	p.limit = max(p.limit, limit)
	p.activate(reliable)
}

// drop forgets what waits and what comes: nobody wants it any more. Its place in the
// lines is free at once, whether or not the link still sends.
func (p *passage) drop() {
	c := p.carriage
	c.mu.Lock()
	defer c.mu.Unlock()
	p.over = true
	for kind := range p.lanes {
		p.lanes[kind].queue = queue{}
		if i := slices.Index(c.active[kind], p); i >= 0 {
			c.active[kind] = slices.Delete(c.active[kind], i, i+1)
			c.waiting[kind].Add(-1)
			c.round[kind] = min(c.round[kind], len(c.active[kind]))
		}
	}
}

// next appends the next packet of a channel to dst. There is none if nothing waits
// or may leave, or if all had their turn: then it is that of the link's own traffic
// (of which control messages go first). Whoever wrote the packet calls told, if it
// is not nil.
func (c *carriage) next(kind int, dst []byte) (packet []byte, told func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.active[kind]) > 0 && (c.round[kind] > 0 || kind == control) {
		p := c.active[kind][0]
		l := &p.lanes[kind]
		if kind == unreliable {
			c.expire(p)
		}
		if !p.ready(kind) {
			l.active = false
			c.rotate(kind, false)
			continue
		}
		n := len(*l.queue.first())
		if !c.affordable(kind, n) {
			return nil, nil
		}
		packet = append(dst, *l.queue.first()...)
		p.pop(kind)
		c.counts[kind].bytes += uint64(n)
		if l.turn -= n; l.turn <= 0 {
			l.turn = turnSize
			c.rotate(kind, true)
		}
		if kind == reliable {
			told = p.left(uint64(wire.RelayCost(n)))
		}
		return packet, told
	}
	c.round[kind] = len(c.active[kind])
	return nil, nil
}

// rotate ends the turn of the first in line, which goes to the end or out.
func (c *carriage) rotate(kind int, again bool) {
	line := c.active[kind]
	first := line[0]
	copy(line, line[1:])
	line[len(line)-1] = first
	if !again {
		line[len(line)-1] = nil
		c.active[kind] = line[:len(line)-1]
		c.waiting[kind].Add(-1)
	}
	c.round[kind]--
}

// expire drops the packets that waited for too long.
func (c *carriage) expire(p *passage) {
	then := time.Since(c.started) - c.maxAge
	for q := &p.lanes[unreliable].queue; q.head < len(q.items) && q.items[q.head].at < then; {
		p.pop(unreliable)
		c.counts[unreliable].dropped++
	}
}

// passedOn counts the bytes that left, and the packets that did not.
func (c *carriage) passedOn() (bytes, dropped uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.counts {
		bytes, dropped = bytes+n.bytes, dropped+n.dropped
	}
	return bytes, dropped
}

// left counts reliable cost that left. At the host, the sender may then send more,
// and hears so when that is worth a message.
func (p *passage) left(cost uint64) (told func()) {
	p.sent += cost
	if p.grant == nil || p.sent+wire.RelayWindow < p.granted+wire.RelayWindow/4 {
		return nil
	}
	p.granted = p.sent + wire.RelayWindow
	limit := p.granted
	return func() { p.grant(limit) }
}

// affordable reports whether the host may send a packet of n bytes now. If not, the
// writer is woken when it may.
func (c *carriage) affordable(kind, n int) bool {
	if c.limit == nil || kind == control {
		return true
	}
	now := time.Now()
	if debt := -c.limit.TokensAt(now); debt > 0 {
		if c.paused == nil {
			pause := time.Duration(debt / float64(c.limit.Limit()) * float64(time.Second))
			c.paused = time.AfterFunc(pause+time.Millisecond, c.goOn)
		}
		return false
	}
	c.limit.ReserveN(now, n)
	return true
}

func (c *carriage) goOn() {
	c.mu.Lock()
	c.paused = nil
	c.mu.Unlock()
	c.wake()
}

// close ends what the link carries: the link is no more.
func (c *carriage) close() {
	c.mu.Lock()
	c.over = true
	if c.paused != nil {
		c.paused.Stop()
	}
	routes := c.routes
	c.routes = nil
	c.mu.Unlock()
	for _, v := range routes {
		v.end()
	}
}
