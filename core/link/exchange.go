package link

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"unityp2p/core/wire"
)

// Exchange passes packets on between the links of a host, for clients that do not
// reach each other. It looks at where they go and lets nobody speak in another's
// name; what they say is between the two.
type Exchange struct {
	limit *rate.Limiter

	mu    sync.RWMutex
	added uint64 // ports so far
	ports map[uint64]*port
	pairs map[pair]*connection
}

// NewExchange makes an exchange that passes on at most so many bytes a second; 0:
// any number.
func NewExchange(bytesPerSecond int) *Exchange {
	e := &Exchange{ports: make(map[uint64]*port), pairs: make(map[pair]*connection)}
	if bytesPerSecond > 0 {
		e.limit = rate.NewLimiter(rate.Limit(bytesPerSecond), max(bytesPerSecond/10, wire.MaxPacket))
	}
	return e
}

// port is where a client is linked.
type port struct {
	exchange *Exchange
	link     *Link
	turn     uint64        // how many were added before: who came first begins connections
	pace     *rate.Limiter // of its control messages
}

// pair names two clients, the lower id first.
type pair [2]uint64

func pairOf(a, b uint64) (p pair, first int) {
	if a > b {
		return pair{b, a}, 1
	}
	return pair{a, b}, 0
}

// connection is what passes between two clients.
type connection struct {
	number uint64
	said   [2]bool       // hello was said by this one, and passed on
	ways   [2]*passage   // from this one to the other
	pace   *rate.Limiter // of the pair's connections
}

// Each client may send so many bytes of control messages to others: a hundred
// times what a fast connection needs. Messages count RelayCost.
const (
	controlBurst  = 256 << 10
	controlSecond = 256 << 10
)

// Each pair may begin so many connections: they cost the other side a link each. An
// attempt that fails takes a second and more; several may come at once when the sender
// was out of reach.
const (
	connectBurst  = 16
	connectSecond = 2
)

// Add lets a client's link take part, before anybody else knows of it. One of the
// same member that was there before is not known any more.
func (e *Exchange) Add(l *Link) {
	p := &port{exchange: e, link: l, pace: rate.NewLimiter(controlSecond, controlBurst)}
	l.carriage, l.port = newCarriage(l), p
	l.carriage.limit = e.limit
	e.mu.Lock()
	defer e.mu.Unlock()
	e.forget(l.member)
	e.added++
	p.turn = e.added
	e.ports[l.member] = p
}

// Remove ends what passes by a link. What came from it is still passed on.
func (e *Exchange) Remove(l *Link) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p := e.ports[l.member]; p != nil && p.link == l {
		e.forget(l.member)
		delete(e.ports, l.member)
	}
}

func (e *Exchange) forget(member uint64) {
	for of := range e.pairs {
		if of[0] == member || of[1] == member {
			delete(e.pairs, of)
		}
	}
}

// packet passes on a data packet, which it changes. It reports false if the sender
// broke the protocol.
func (p *port) packet(kind int, packet []byte) bool {
	to, number, ok := wire.RelayedBy(packet)
	if !ok {
		return false
	}
	way := p.exchange.open(p, to, number)
	if way == nil {
		return true // the other side has left, or wants nothing of this
	}
	wire.Readdress(packet, p.link.member)
	return way.take(kind, packet)
}

// open returns how data goes on, nil if it does not: who is to get it has to have said
// hello. That its sender did is no condition: the hello travels on another channel, and
// may come later.
func (e *Exchange) open(p *port, to, number uint64) *passage {
	from := p.link.member
	of, side := pairOf(from, to)
	e.mu.RLock()
	defer e.mu.RUnlock()
	c := e.pairs[of]
	if c == nil || c.number != number || !c.said[1-side] || e.ports[from] != p {
		return nil
	}
	return c.ways[side]
}

// control passes on a control message.
func (p *port) control(c *wire.Control) bool {
	if c.Kind != wire.ControlRelayed || !p.pace.AllowN(time.Now(), wire.RelayCost(len(c.Body))) {
		return false
	}
	way, ok := p.exchange.way(p, c)
	if way == nil {
		return ok
	}
	forward := *c
	forward.Member = p.link.member
	return way.take(control, forward.Append(nil))
}

// way returns how a control message goes on, nil if it does not. A hello with a new
// number begins a connection, if it is from who was here first. From the other it is
// a late answer to one that is given up. It reports false if the sender broke the
// protocol.
func (e *Exchange) way(p *port, c *wire.Control) (way *passage, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	to := e.ports[c.Member]
	if to == nil || to == p || e.ports[p.link.member] != p {
		return nil, true
	}
	of, side := pairOf(p.link.member, c.Member)
	on, hello := e.pairs[of], wire.ControlKind(c.Body[0]) == wire.ControlHello
	if hello && p.turn < to.turn && (on == nil || on.number != c.Route) {
		if on = newConnection(on, c.Route, side, p, to); on == nil {
			return nil, false
		}
		e.pairs[of] = on
	}
	if on == nil || on.number != c.Route {
		return nil, true
	}
	on.said[side] = on.said[side] || hello
	return on.ways[side], true
}

// newConnection begins one, in place of an old one of the pair. It returns nil if
// that had too many.
func newConnection(old *connection, number uint64, side int, a, b *port) *connection {
	c := &connection{number: number}
	if old == nil {
		c.pace = rate.NewLimiter(connectSecond, connectBurst)
	} else {
		c.pace = old.pace
	}
	if !c.pace.Allow() {
		return nil
	}
	if old != nil {
		old.ways[0].drop()
		old.ways[1].drop()
	}
	c.ways[side], c.ways[1-side] = newWay(a, b, number), newWay(b, a, number)
	return c
}

// newWay makes the passage from one client to another.
func newWay(from, to *port, number uint64) *passage {
	sender, member := from.link, to.link.member
	return &passage{
		carriage: to.link.carriage, limit: math.MaxUint64, granted: wire.RelayWindow,
		grant: func(limit uint64) {
			sender.SendControl(wire.Control{Kind: wire.ControlRelayCredit, Member: member, Route: number, Limit: limit})
		},
	}
}

// passOn takes a relayed packet off a link. It reports false if the other side
// broke the protocol.
func (l *Link) passOn(kind int, packet []byte) bool {
	if l.port != nil {
		return l.port.packet(kind, packet)
	}
	member, number, ok := wire.RelayedBy(packet)
	if !ok {
		return false
	}
	if v := l.carriage.find(member, number); v != nil { // else it has ended
		v.arrive(kind, wire.Unrelayed(packet))
	}
	return true
}

// passOnControl is passOn for control messages.
func (l *Link) passOnControl(c *wire.Control) bool {
	if l.port != nil {
		return l.port.control(c)
	}
	v := l.carriage.find(c.Member, c.Route)
	switch {
	case c.Kind == wire.ControlRelayCredit:
		if v != nil {
			v.passage.allow(c.Limit)
		}
	case v != nil:
		v.arrive(control, c.Body)
	case wire.ControlKind(c.Body[0]) == wire.ControlHello:
		l.handler.Control(l, *c) // somebody begins a connection
	}
	return true
}
