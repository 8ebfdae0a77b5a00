package core

import (
	"math/rand/v2"
	"time"

	"unityp2p/core/link"
	"unityp2p/core/wire"
)

// mesh is a client's part in connecting every member with every other: the
// host says who is there and who makes the offer, and passes the negotiation
// on.
type mesh struct {
	client *Client
	others map[MemberID]*other
}

// other is a member that the host told us of.
type other struct {
	id      MemberID
	offers  bool   // we make the offers
	relayed bool   // the host passes on what we say to each other
	session uint64 // of the current attempt
	sent    uint64 // messages of it that we sent
	heard   uint64 // the last of them that came
	attempt *peer
	pause   time.Duration
	waiting bool
}

// Pauses before another attempt to reach a member.
const (
	meshFirst   = 500 * time.Millisecond
	meshLongest = 15 * time.Second
	maxOthers   = maxMembers
)

// memberRoute brings negotiation to a member through the host.
type memberRoute struct {
	mesh    *mesh
	other   *other
	session uint64
}

func (r *memberRoute) send(n wire.Negotiation) {
	host := r.mesh.client.host
	if host == nil || r.other.session != r.session {
		return
	}
	r.other.sent++
	host.link.SendControl(wire.Control{
		Kind: wire.ControlSignal, Member: uint64(r.other.id),
		Session: r.session, Seq: r.other.sent, Ack: r.other.heard, Signal: n,
	})
}

func (m *mesh) init(c *Client) {
	m.client = c
	m.others = make(map[MemberID]*other)
}

// control takes what the host says of the room.
func (m *mesh) control(c wire.Control) {
	id := MemberID(c.Member)
	switch c.Kind {
	case wire.ControlMember:
		m.arrived(id, c.Flags)
	case wire.ControlGone:
		m.gone(id, c.Reason)
	case wire.ControlSignal:
		if o := m.others[id]; o != nil {
			m.signal(o, &c)
		}
	case wire.ControlRelayed:
		if o := m.others[id]; o != nil {
			m.answerVia(o, &c)
		}
	}
}

func (m *mesh) arrived(id MemberID, flags uint64) {
	if id == m.client.Member() || len(m.others) >= maxOthers {
		return
	}
	o := m.others[id]
	if o == nil {
		o = &other{id: id}
		m.others[id] = o
	}
	o.offers, o.pause = flags&wire.MemberOffer != 0, meshFirst
	o.relayed = flags&wire.MemberRelay != 0 && m.client.relays()
	m.expire(id, 0, link.Closed) // what went through the host ended with its connection
	m.reach(o)
}

// reach makes an offer to a member if that is ours to do and there is no
// connection. After a change of host the members of the old room are connected
// already.
func (m *mesh) reach(o *other) {
	if !o.offers || o.attempt != nil || m.client.members[o.id] != nil || m.client.host == nil {
		return
	}
	m.begin(o, 1+rand.Uint64N(1<<32), true)
}

func (m *mesh) begin(o *other, session uint64, offer bool) {
	o.session, o.sent, o.heard = session, 0, 0
	p, err := m.client.newPeer(&memberRoute{m, o, session}, o.id, offer)
	if err != nil {
		m.client.log.Warn("cannot begin a link", "error", err)
		m.retry(o)
		return
	}
	o.attempt = p
}

// signal takes negotiation that another member sent through the host.
func (m *mesh) signal(o *other, c *wire.Control) {
	if c.Signal.Kind == wire.Offer && !o.offers && c.Session != o.session {
		if old := o.attempt; old != nil {
			o.attempt = nil
			old.link.Close(link.Left)
		}
		m.begin(o, c.Session, false)
	}
	if o.attempt == nil || c.Session != o.session || c.Seq <= o.heard {
		return
	}
	o.heard = c.Seq
	o.attempt.link.Remote(c.Signal)
	if c.Signal.Kind == wire.Answer && o.offers && o.relayed {
		m.awaitPath(o, o.attempt)
	}
}

// gone takes a member off the list. Its connection to us lives on unless the
// host removed it.
func (m *mesh) gone(id MemberID, reason uint64) {
	o := m.others[id]
	if o == nil {
		return
	}
	delete(m.others, id)
	if o.attempt != nil {
		o.attempt.link.Close(link.Left)
	}
	switch p := m.client.members[id]; {
	case p == nil:
	case reason == wire.ReasonRemoved:
		p.link.Close(link.Removed)
	case reason == wire.ReasonLeft:
		m.expire(id, goneTime, link.Left)
	default:
		m.expire(id, goneTime, link.Closed)
	}
}

// hostGone forgets the list: the next host sends its own. Attempts in progress
// may still succeed.
func (m *mesh) hostGone() {
	m.others = make(map[MemberID]*other)
}

// of returns the member that a peer was an attempt to reach.
func (m *mesh) of(p *peer) *other {
	route, ok := p.route.(*memberRoute)
	if !ok || m.others[route.other.id] != route.other {
		return nil
	}
	return route.other
}

func (m *mesh) connected(p *peer) {
	if o := m.of(p); o != nil && o.attempt == p {
		o.attempt, o.pause = nil, meshFirst
	}
}

func (m *mesh) failed(p *peer, why link.Reason) {
	o := m.of(p)
	if o == nil || o.attempt != p {
		return
	}
	o.attempt = nil
	if why != link.Local && o.offers && o.relayed && !p.link.ViaHost() {
		m.offerVia(o)
		return
	}
	if why != link.Local {
		m.client.troubled(ConnectFailed, false, "no network path to member %v was found; trying again", o.id)
	}
	m.retry(o)
}

func (m *mesh) disconnected(p *peer, why link.Reason) {
	o := m.others[p.id]
	if o == nil {
		return
	}
	switch why {
	case link.TimedOut, link.Closed:
		m.retry(o)
	}
}

// retry makes another offer later, if that is ours to do.
func (m *mesh) retry(o *other) {
	if o.waiting || !o.offers {
		return
	}
	o.waiting = true
	pause := o.pause/2 + rand.N(o.pause)
	o.pause = min(2*o.pause, meshLongest)
	m.client.after(pause, func() {
		o.waiting = false
		if m.others[o.id] == o {
			m.reach(o)
		}
	})
}
