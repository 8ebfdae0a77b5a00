package core

import (
	"math/rand/v2"
	"time"

	"golang.org/x/time/rate"

	"unityp2p/core/wire"
)

// The host and a client also speak over the signaling server about a new path for
// their connection; and since whoever moved has lost all of its connections at once,
// the host passes on there, too, what other members say about theirs.

const (
	// reopenFirst is how long a client waits before it looks for its host again at
	// the signaling server; longer each time, as the host may be gone for good.
	reopenFirst   = 500 * time.Millisecond
	reopenLongest = 3 * time.Second
	// doubtEvery is how often the connection to the signaling server is doubted
	// while a member is out of reach.
	doubtEvery = 2 * time.Second
)

// doubt makes sure of the signaling server: what broke the path to a member may have
// broken this connection too. A connection does not outlive its address.
func (r *Room) doubt() {
	if r.signaling == nil {
		return
	}
	if r.engine.LostAddress(r.signaling.LocalAddress()) {
		r.signaling.Reset()
		return
	}
	r.signaling.Probe()
}

// keepDoubting does so while a member is out of reach.
func (r *Room) keepDoubting() {
	if r.doubting {
		return
	}
	r.doubting = true
	r.after(doubtEvery, func() {
		r.doubting = false
		if r.anyRestarting() {
			r.doubt()
			r.keepDoubting()
		}
	})
}

func (r *Room) anyRestarting() bool {
	for _, p := range r.members {
		if p.restarting {
			return true
		}
	}
	return false
}

// restarting opens the way over the signaling server while the host is out of reach.
func (c *Client) restarting(p *peer, on bool) {
	if p != c.host {
		return
	}
	c.restoring, c.reopenAfter = on, reopenFirst
	if !on {
		c.leaveRoute()
		c.closeSignaling()
		return
	}
	c.openSignaling()
	if c.signaling != nil {
		c.signaling.SetUrgent(true)
	}
	c.connect()
	c.keepDoubting()
}

// reopen asks for the host again after a pause, while that is what we want.
func (c *Client) reopen() {
	c.route, c.introduced, c.refusal = nil, false, wire.Extension{}
	pause := c.reopenAfter/2 + rand.N(c.reopenAfter)
	c.reopenAfter = min(2*c.reopenAfter, reopenLongest)
	c.after(pause, func() {
		if c.restoring {
			c.connect()
		}
	})
}

// restoringFrame takes what the signaling server says while there is a host.
func (c *Client) restoringFrame(f wire.Frame) {
	switch f.Type {
	case wire.NewConnection:
		c.introduced, c.reopenAfter = true, reopenFirst
		c.host.link.NewWay()
	case wire.ReliableMessage:
		if n, err := wire.ParseNegotiation(f.Data); err == nil && n.Kind == wire.Restarting {
			c.restoringMessage(&n)
		}
	case wire.ConnectionFailed, wire.Disconnected:
		c.reopen()
	}
}

// restoringMessage takes a restart message of the host, or of another member by way
// of it. When the first of the host's has come it knows who we are.
func (c *Client) restoringMessage(n *wire.Negotiation) {
	from := c.host
	if n.Member != 0 {
		from = c.members[MemberID(n.Member)]
	}
	if from == nil {
		return
	}
	if _, ok := from.link.Restart([]byte(n.Restart)); !ok || from != c.host || c.known {
		return
	}
	c.known = true
	c.newWay()
}

// overSignaling brings a restart message to the host, or to another member by way of
// it.
func (c *Client) overSignaling(p *peer, sealed []byte) {
	n := wire.Negotiation{Kind: wire.Restarting, Restart: string(sealed)}
	switch {
	case !c.restoring || !c.introduced || c.route == nil || c.route.generation != c.generation:
		return
	case p != c.host && !c.known:
		return
	case p != c.host:
		n.Member = uint64(p.id)
	}
	c.route.send(n)
}

// quiet is for as long as a client has its host: it uses the server for that alone.
func (c *Client) quiet() bool { return c.restoring }

// restarting makes sure of the signaling server, where a client may come to speak
// about a new path.
func (h *Host) restarting(p *peer, on bool) {
	if !on {
		p.ways = serverWays{}
	}
	if h.signaling == nil {
		return
	}
	if on {
		h.doubt()
		h.keepDoubting()
	}
	h.signaling.SetUrgent(h.anyRestarting())
}

// calm takes back that the signaling server is urgent if nobody needs a path any more.
func (h *Host) calm() {
	if h.signaling != nil && !h.anyRestarting() {
		h.signaling.SetUrgent(false)
	}
}

// restart takes what a client says over an introduction about a connection that it
// has. About the one to us nobody else can say anything new: it is sealed. So the route
// is one of that member's, and what comes over it for others is passed on as its own.
// What is old, or has shown that of a route already, shows nothing: somebody kept it.
func (h *Host) restart(i *introduction, n *wire.Negotiation) {
	sealed := []byte(n.Restart)
	if n.Member != 0 {
		for _, p := range h.members {
			if way := p.ways.over(i.route); way != nil {
				h.carryWithin(way.carries, p, &wire.Control{Kind: wire.ControlCarry, Member: n.Member, Body: sealed})
				return
			}
		}
		return
	}
	session, ok := wire.RestartSession(sealed)
	if !ok || session == 0 {
		return
	}
	for _, p := range h.members {
		if p.link.Session() != session {
			continue
		}
		if number, _ := p.link.Restart(sealed); number > p.shown {
			p.shown = number
			if p.ways.take(i.route) {
				p.link.NewWay()
			}
		}
		return
	}
}

func (h *Host) overSignaling(p *peer, sealed []byte) { h.overWay(p, 0, sealed) }

// carried brings a member over the signaling server what another says.
func (h *Host) carried(to, from *peer, sealed []byte) {
	if from.spoken == nil {
		from.spoken = rate.NewLimiter(spokenSecond, spokenBurst)
	}
	if from.spoken.Allow() {
		h.overWay(to, from.id, sealed)
	}
}

// What a member may have us say at the signaling server: what waits for that is
// bounded, and all need it. Beyond it is dropped, and said again.
const (
	spokenSecond = 50
	spokenBurst  = 100
)

func (h *Host) overWay(p *peer, from MemberID, sealed []byte) {
	for _, way := range p.ways.list {
		if way.route.generation == h.generation {
			way.route.send(wire.Negotiation{Kind: wire.Restarting, Restart: string(sealed), Member: uint64(from)})
		}
	}
}

func (h *Host) quiet() bool { return false }

// noWay notes that a route at the signaling server ends.
func (h *Host) noWay(route *serverRoute) {
	for _, p := range h.members {
		p.ways.drop(route)
	}
}
