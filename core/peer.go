package core

import (
	"errors"
	"sync/atomic"

	"github.com/pion/webrtc/v4"
	"golang.org/x/time/rate"

	"unityp2p/core/link"
	"unityp2p/core/wire"
)

// peer is one other member, from the first attempt to connect to it on. It is
// what the link talks to.
type peer struct {
	room  *Room
	link  *link.Link
	route route

	removed atomic.Bool // the game disconnected it

	// Set in the loop when the link is up, constant afterwards.
	conn      ConnID
	id        MemberID
	admitted  bool
	connected bool
	abandoned bool // the attempt is given up, which is nothing to report

	// The loop's.
	restarting bool          // its path is being made anew
	ways       serverWays    // host: over which it speaks about that, if it does
	shown      uint64        // host: the number of the message that last showed one
	carries    *rate.Limiter // what it has us pass on
	spoken     *rate.Limiter // host: how often over the signaling server

	// Owned by the readers of one channel each.
	reliable, unreliable []Event
}

// route brings offers, answers and candidates to the other side.
type route interface {
	send(n wire.Negotiation)
}

// maxAttempts bounds the links that are on their way up or down, each of which
// holds sockets and goroutines, so that strangers cannot make us hold any
// number of them.
const maxAttempts = 128

var errTooManyAttempts = errors.New("too many attempts to connect at a time")

// newPeer begins a link. In the loop.
func (r *Room) newPeer(rt route, expect MemberID, offer bool) (*peer, error) {
	begin := r.engine.Answer
	if offer {
		begin = r.engine.Offer
	}
	return r.addPeer(rt, expect, func(p *peer) (*link.Link, error) { return begin(r.ctx, p, uint64(expect)) })
}

// addPeer is newPeer for any kind of link.
func (r *Room) addPeer(rt route, expect MemberID, begin func(p *peer) (*link.Link, error)) (*peer, error) {
	if len(r.peers)-len(r.members) >= maxAttempts {
		return nil, errTooManyAttempts
	}
	p := &peer{room: r, route: rt, id: expect}
	r.running.Add(1) // until Down
	l, err := begin(p)
	if err != nil {
		r.running.Done()
		return nil, err
	}
	p.link = l
	if r.suspended {
		l.SetPatient(true)
	}
	r.peers[p] = struct{}{}
	return p, nil
}

// Signal implements link.Handler.
func (p *peer) Signal(_ *link.Link, n wire.Negotiation) {
	p.room.post(func() { p.route.send(n) })
}

// Admit implements link.Handler.
func (p *peer) Admit(l *link.Link) (in bool, why link.Reason) {
	why = link.Full
	p.room.do(func() {
		p.id = MemberID(l.Member())
		if p.room.leaving {
			return
		}
		if in, why = p.room.role.admit(p); in {
			p.admitted = true
			p.room.admitted++
		}
	})
	return in, why
}

// Up implements link.Handler.
func (p *peer) Up(l *link.Link) {
	p.room.do(func() {
		r := p.room
		p.settle()
		if r.leaving {
			return
		}
		conn, ok := r.ids.take()
		if !ok {
			l.Close(link.Full)
			return
		}
		p.conn, p.connected = conn, true
		if old := r.members[p.id]; old != nil {
			old.link.Close(link.Replaced)
		}
		r.members[p.id] = p
		r.role.opened(p)
		r.share(func(conns map[ConnID]*peer) { conns[conn] = p })
		reliable, unreliable := l.MaxMessage()
		r.report(Event{
			Type: Connected, Conn: conn, Member: p.id,
			Original: !l.Own(), Host: r.isHost(p),
			MaxReliable: reliable, MaxUnreliable: unreliable,
		})
		r.role.connected(p)
		r.newWay()
	})
}

// settle ends the time between being let in and being connected.
func (p *peer) settle() {
	if p.admitted {
		p.admitted = false
		p.room.admitted--
	}
}

// Messages implements link.Handler.
func (p *peer) Messages(_ *link.Link, messages []link.Message) {
	reliable := messages[0].Reliable
	scratch := &p.unreliable
	if reliable {
		scratch = &p.reliable
	}
	events := (*scratch)[:0]
	for _, m := range messages {
		events = append(events, Event{
			Type: Message, Conn: p.conn, Member: p.id, Data: m.Data, Reliable: reliable,
		})
	}
	p.room.sink.Deliver(events)
	clear(events)
	*scratch = events
}

// Control implements link.Handler.
func (p *peer) Control(_ *link.Link, c wire.Control) {
	p.room.do(func() {
		switch {
		case p.room.leaving:
		case c.Kind == wire.ControlCarry, c.Kind == wire.ControlCarried:
			p.room.carry(p, &c)
		default:
			p.room.role.control(p, c)
		}
	})
}

// Sent implements link.Handler.
func (p *peer) Sent(_ *link.Link, reliable bool, cost int) {
	p.room.sink.Sent(p.conn, reliable, cost)
}

// Reach implements link.Handler.
func (p *peer) Reach(_ *link.Link, reachable bool) {
	p.room.do(func() {
		e := Event{Type: Unreachable, Conn: p.conn, Member: p.id}
		if reachable {
			e.Type = Reachable
		}
		p.room.report(e)
	})
}

// Down implements link.Handler.
func (p *peer) Down(_ *link.Link, why link.Reason) {
	defer p.room.running.Done()
	p.room.do(func() {
		r := p.room
		p.settle()
		delete(r.peers, p)
		if !p.connected {
			if !r.leaving {
				r.role.failed(p, why)
			}
			return
		}
		if r.members[p.id] == p {
			delete(r.members, p.id)
		}
		r.share(func(conns map[ConnID]*peer) { delete(conns, p.conn) })
		r.report(Event{Type: Disconnected, Conn: p.conn, Member: p.id, Code: disconnectCode(why)})
		r.ids.give(p.conn)
		if !r.leaving {
			r.role.disconnected(p, why)
		}
	})
}

// share changes the table that senders look into.
func (r *Room) share(change func(map[ConnID]*peer)) {
	old := *r.conns.Load()
	fresh := make(map[ConnID]*peer, len(old)+1)
	for conn, p := range old {
		fresh[conn] = p
	}
	change(fresh)
	r.conns.Store(&fresh)
}

// isHost reports whether the peer hosts the room: a client reaches its host,
// and only its host, through the signaling server.
func (r *Room) isHost(p *peer) bool {
	_, signaled := p.route.(*serverRoute)
	_, client := r.role.(*Client)
	return client && signaled
}

func disconnectCode(why link.Reason) Code {
	switch why {
	case link.Left, link.Full:
		return Left
	case link.Removed:
		return Removed
	case link.Local:
		return Local
	case link.TimedOut:
		return TimedOut
	case link.Protocol, link.OtherMember:
		return Protocol
	case link.Replaced:
		return Replaced
	default:
		return Closed
	}
}

func (p *peer) stats() Stats {
	s := p.link.Stats()
	local, remote := candidateType(s.LocalType), candidateType(s.RemoteType)
	if p.link.ViaHost() {
		local, remote = PathViaHost, PathViaHost
	}
	return Stats{
		Conn: p.conn, Member: p.id, Path: path(local, remote), LocalType: local, RemoteType: remote,
		LocalCandidate: s.Local, RemoteCandidate: s.Remote,
		RTT: s.RTT, Connecting: s.Connecting,
		BytesSent: s.BytesSent, BytesReceived: s.BytesReceived,
		MessagesSent: s.MessagesSent, MessagesReceived: s.MessagesReceived,
		Unsent: s.Unsent, Dropped: s.Dropped, PassedOn: s.PassedOn, PassedOnDropped: s.PassedOnDropped,
	}
}

// path names a pair by the end that is further from direct.
func path(local, remote Path) Path {
	if local == PathNone || remote == PathNone {
		return PathNone
	}
	return max(local, remote)
}

// candidateType names one end of a pair.
func candidateType(t webrtc.ICECandidateType) Path {
	switch t {
	case webrtc.ICECandidateTypeHost:
		return PathHost
	case webrtc.ICECandidateTypeSrflx:
		return PathSrflx
	case webrtc.ICECandidateTypePrflx:
		return PathPrflx
	case webrtc.ICECandidateTypeRelay:
		return PathRelay
	}
	return PathNone
}
