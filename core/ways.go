package core

import (
	"time"

	"golang.org/x/time/rate"

	"unityp2p/core/link"
	"unityp2p/core/wire"
)

// A connection whose path is broken is made anew by messages that go every way there
// is but itself: here are those by way of other members. A message that comes twice,
// or late, or not at all does no harm.

// Moved implements link.Handler.
func (p *peer) Moved(*link.Link) {
	p.room.do(func() {
		p.room.report(Event{Type: PathChanged, Conn: p.conn, Member: p.id})
	})
}

// Restarting implements link.Handler.
func (p *peer) Restarting(_ *link.Link, on bool) {
	p.room.post(func() {
		r := p.room
		if r.leaving || r.members[p.id] != p {
			return
		}
		p.restarting = on
		r.role.restarting(p, on)
		if !on {
			r.newWay()
		}
	})
}

// Restart implements link.Handler.
func (p *peer) Restart(_ *link.Link, sealed []byte) {
	p.room.post(func() {
		r := p.room
		if r.leaving || r.members[p.id] != p {
			return
		}
		r.role.overSignaling(p, sealed)
		for _, via := range r.carriers(p) {
			via.link.TryControl(wire.Control{Kind: wire.ControlCarry, Member: uint64(p.id), Body: sealed})
		}
	})
}

// mostCarriers are asked at a time to pass one message on.
const mostCarriers = 3

// carriers are members that may reach a member which we do not: the host, who reaches
// all, and some others, each time other ones.
func (r *Room) carriers(to *peer) []*peer {
	var list []*peer
	for _, p := range r.members { // in a random order
		if p == to || p.restarting || p.link.Session() == 0 {
			continue
		}
		switch {
		case r.isHost(p) && len(list) == mostCarriers:
			list[0] = p
		case len(list) < mostCarriers:
			list = append(list, p)
		}
	}
	return list
}

// newWay tells those who look for one.
func (r *Room) newWay() {
	for _, p := range r.members {
		if p.restarting {
			p.link.NewWay()
		}
	}
}

// What one member may have us pass on, or say that it passes on. What is beyond is
// dropped. A restart takes some 10 KiB, and somebody may have lost all at once.
const (
	carrySecond = 128 << 10
	carryBurst  = 1 << 20
	carryCost   = 256 // of a message, besides its bytes
)

// carry takes what goes from member to member. It goes no further than over one: what
// was passed is not passed again.
func (r *Room) carry(p *peer, c *wire.Control) {
	if p.carries == nil {
		p.carries = rate.NewLimiter(carrySecond, carryBurst)
	}
	r.carryWithin(p.carries, p, c)
}

func (r *Room) carryWithin(limit *rate.Limiter, p *peer, c *wire.Control) {
	other := r.members[MemberID(c.Member)]
	if !limit.AllowN(time.Now(), carryCost+len(c.Body)) || other == nil || other == p {
		return
	}
	if c.Kind == wire.ControlCarried {
		other.link.Restart(c.Body)
		return
	}
	switch h, hosting := r.role.(*Host); {
	case other.link.Session() == 0:
	case !other.restarting:
		other.link.TryControl(wire.Control{Kind: wire.ControlCarried, Member: uint64(p.id), Body: c.Body})
	case hosting:
		h.carried(other, p, c.Body)
	}
}
