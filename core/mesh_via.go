package core

import (
	"math/rand/v2"
	"time"

	"unityp2p/core/link"
	"unityp2p/core/wire"
)

// Where two clients find no path to each other they talk through the host, which
// both reach. Who makes the offers begins that as well.

// fairTime is how long a direct path may take to be found, from the answer on. Those
// that exist are found within two seconds.
const fairTime = 5 * time.Second

// goneTime is how long what a member said last may still be on its way through the
// host when that says that it is gone.
const goneTime = 2 * time.Second

// awaitPath goes through the host if no direct path is found in fair time.
func (m *mesh) awaitPath(o *other, p *peer) {
	m.client.after(min(fairTime, m.client.cfg.ConnectTimeout/2), func() {
		switch {
		case o.attempt != p || m.others[o.id] != o:
		case p.link.Met():
			m.awaitPath(o, p) // there is one; it only takes its time
		default:
			o.attempt = nil
			p.link.Close(link.Left)
			m.offerVia(o)
		}
	})
}

// offerVia begins a connection through the host.
func (m *mesh) offerVia(o *other) {
	m.beginVia(o, 1+rand.Uint64N(wire.MaxRoute), nil)
}

// answerVia takes the hello by which another client begins one. Who it is, the host
// says: that is not enough to take the place of a connection that proved it.
func (m *mesh) answerVia(o *other, c *wire.Control) {
	if !o.relayed || o.offers {
		return
	}
	if p := m.client.members[o.id]; p != nil && !p.link.ViaHost() {
		bye := wire.Control{Kind: wire.ControlBye, Reason: wire.ReasonOther}
		m.client.host.link.SendControl(wire.Control{
			Kind: wire.ControlRelayed, Member: c.Member, Route: c.Route, Body: bye.Append(nil),
		})
		return
	}
	if old := o.attempt; old != nil {
		o.attempt = nil
		old.link.Close(link.Left)
	}
	m.beginVia(o, c.Route, c.Body)
}

func (m *mesh) beginVia(o *other, number uint64, hello []byte) {
	if m.client.host == nil {
		return
	}
	carrier, id := m.client.host.link, uint64(o.id)
	p, err := m.client.addPeer(&memberRoute{mesh: m, other: o}, o.id, func(p *peer) (*link.Link, error) {
		return m.client.engine.Via(m.client.ctx, p, carrier, id, number)
	})
	if err != nil {
		m.client.log.Warn("cannot begin a connection through the host", "error", err)
		m.retry(o)
		return
	}
	if hello != nil {
		p.link.Hear(hello)
	}
	o.attempt = p
}

// expire ends a connection through the host, if a member has one, after a while.
func (m *mesh) expire(id MemberID, after time.Duration, why link.Reason) {
	p := m.client.members[id]
	if p == nil || !p.link.ViaHost() {
		return
	}
	m.client.after(after, func() { p.link.Abandon(why) })
}
