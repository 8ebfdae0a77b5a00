package core

import (
	"time"

	"golang.org/x/time/rate"

	"unityp2p/core/wire"
)

// control passes negotiation on between members. The sender's id is the one
// that its certificate proved, so nobody speaks in another's name.
func (h *Host) control(p *peer, c wire.Control) {
	if !introducible(p) {
		return // hosts at a shared address have rooms of their own
	}
	if c.Kind != wire.ControlSignal {
		p.link.Violate() // only a host may say who is in the room
		return
	}
	to := h.members[MemberID(c.Member)]
	known := to != nil && to != p && introducible(to)
	target := nobody
	if known {
		target = to.id
	}
	if !h.pace.allow(p.id, target, &c.Signal) {
		h.log.Warn("a member floods another with negotiation", "from", p.id, "to", target)
		p.link.Violate()
		return
	}
	if known { // else it has left meanwhile
		c.Member = uint64(p.id)
		to.link.SendControl(c)
	}
}

// pace bounds what each member may make each other member work: an offer costs
// its receiver a peer connection, everything costs bytes. Without it a member
// could flood another through the host.
type pace map[pair]*rate.Limiter

type pair struct{ from, to MemberID }

// nobody stands for all members that are not here.
const nobody MemberID = 0

// Costs are bytes. An attempt to connect costs about 30 KiB, and a pair that
// fails makes no more than two in a second.
const (
	paceBurst  = 512 << 10
	paceSecond = 64 << 10
	offerCost  = 16 << 10
	signalCost = 512
)

func (p pace) allow(from, to MemberID, n *wire.Negotiation) bool {
	limit := p[pair{from, to}]
	if limit == nil {
		limit = rate.NewLimiter(paceSecond, paceBurst)
		p[pair{from, to}] = limit
	}
	cost := signalCost + len(n.SDP) + len(n.Candidate) + len(n.SDPMid) + len(n.UsernameFragment)
	if n.Kind == wire.Offer {
		cost += offerCost
	}
	return limit.AllowN(time.Now(), cost)
}

// forget drops the counts of a member that is gone.
func (p pace) forget(id MemberID) {
	for of := range p {
		if of.from == id || of.to == id {
			delete(p, of)
		}
	}
}
