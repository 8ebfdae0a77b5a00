package core

import (
	"math/rand/v2"
	"slices"
	"time"

	"unityp2p/core/link"
	"unityp2p/core/wire"
)

// Host holds a room's name at the signaling server and introduces the members
// to each other.
type Host struct {
	Room
	address  wire.Address
	incoming map[int16]*introduction
	pace     pace
	exchange *link.Exchange // passes on what clients say to each other; nil: forbidden
	removed  removals
	retrying bool
	name     holding
}

// introduction is a link at the signaling server over which somebody is about
// to connect.
type introduction struct {
	route *serverRoute
	drawn int32 // our number: between two listeners the higher one offers
	peer  *peer // once there is an offer
	early []wire.Negotiation
}

// Bounds of what strangers can make a host hold.
const (
	maxIncoming   = 128 // introductions at a time
	maxEarly      = 64  // candidates before the offer
	maxRoleNumber = 2147483646
)

// How long to wait before claiming a name again that somebody holds. Longer
// than it takes a server to notice a socket that was closed, shorter than a
// player's patience.
const (
	reclaimMin    = 500 * time.Millisecond
	reclaimMax    = 1500 * time.Millisecond
	reclaimDenied = 10 * time.Second // where asking again hardly helps
)

// NewHost opens a room. It returns at once; RoomOpen or RoomTrouble tells what
// came of it, and it tries on until Close.
func NewHost(cfg Config) (*Host, error) {
	h := &Host{
		incoming: make(map[int16]*introduction), pace: make(pace), address: wire.AddressOf(cfg.Room),
	}
	if cfg.ViaHost == ViaHostAllowed {
		h.exchange = link.NewExchange(cfg.ViaHostRate)
	}
	if err := h.init(cfg, h, true); err != nil {
		return nil, err
	}
	return h, nil
}

func (h *Host) start()  { h.openSignaling() }
func (h *Host) resume() { h.openSignaling() }

func (h *Host) signalingUp() {
	h.reconnected()
	h.claim()
}

func (h *Host) signalingDown() { h.part() }

func (h *Host) claim() {
	h.claimBack()
	h.sendFrame(wire.Frame{
		Type: wire.ServerInitialized, DataType: wire.Text, ID: -1, Data: []byte(h.address),
	})
}

func (h *Host) frame(f wire.Frame) {
	switch f.Type {
	case wire.ServerInitialized:
		h.named()
		h.trouble = 0
		h.report(Event{Type: RoomOpen})
	case wire.ServerInitFailed:
		h.unnamed()
	case wire.NewConnection:
		h.arrive(f.ID)
	case wire.ReliableMessage:
		if i := h.incoming[f.ID]; i != nil {
			h.negotiate(i, f.Data)
		}
	case wire.Disconnected:
		// Whoever is connected first ends the link, so this says nothing of the
		// connection.
		if i := h.incoming[f.ID]; i != nil {
			h.noWay(i.route)
			delete(h.incoming, f.ID)
		}
	}
}

// reclaim asks for the name again after a pause, of at least so long.
func (h *Host) reclaim(pause time.Duration) {
	if h.retrying {
		return
	}
	h.retrying = true
	h.after(pause+rand.N(reclaimMax-reclaimMin), func() {
		h.retrying = false
		if h.signaling != nil {
			h.claim()
		}
	})
}

// arrive greets somebody new at the signaling server.
func (h *Host) arrive(id int16) {
	i := &introduction{route: &serverRoute{room: &h.Room, id: id, generation: h.generation}}
	if len(h.incoming) >= maxIncoming {
		h.dropRoute(i.route)
		return
	}
	h.incoming[id] = i
	h.draw(i)
	h.after(h.cfg.ConnectTimeout, func() {
		if h.incoming[id] == i {
			h.forget(i)
		}
	})
}

func (h *Host) draw(i *introduction) {
	i.drawn = 1 + rand.Int32N(maxRoleNumber)
	i.route.send(wire.Negotiation{Kind: wire.RoleNumber, Number: i.drawn})
}

func (h *Host) negotiate(i *introduction, data []byte) {
	n, err := wire.ParseNegotiation(data)
	if err != nil {
		h.log.Debug("negotiation ignored", "error", err)
		return
	}
	switch {
	case n.Kind == wire.Restarting:
		h.restart(i, &n)
	case i.peer != nil:
		i.peer.link.Remote(n)
	case n.Kind == wire.Offer:
		h.begin(i, false)
		if i.peer != nil {
			i.peer.link.Remote(n)
		}
	case n.Kind == wire.RoleNumber && n.Number < i.drawn:
		h.begin(i, true)
	case n.Kind == wire.RoleNumber && n.Number == i.drawn:
		h.draw(i)
	case n.Kind == wire.Candidate && len(i.early) < maxEarly:
		i.early = append(i.early, n)
	}
}

// begin starts the link of an introduction.
func (h *Host) begin(i *introduction, offer bool) {
	p, err := h.newPeer(i.route, 0, offer)
	if err != nil {
		h.log.Warn("cannot begin a link", "error", err)
		h.forget(i)
		return
	}
	i.peer = p
	for _, n := range i.early {
		p.link.Remote(n)
	}
	i.early = nil
}

func (h *Host) forget(i *introduction) {
	if h.incoming[i.route.id] == i {
		delete(h.incoming, i.route.id)
		h.noWay(i.route)
		h.dropRoute(i.route)
	}
}

// done ends the introduction that a peer came by.
func (h *Host) done(p *peer) {
	for _, i := range h.incoming {
		if i.peer == p {
			h.forget(i)
			return
		}
	}
}

func (h *Host) admit(p *peer) (in bool, why link.Reason) {
	old := h.members[p.id]
	if h.removed.has(p.id) || (old != nil && old.removed.Load()) {
		return false, link.Removed // it missed our goodbye
	}
	// Who is here comes back, in place of its old connection.
	return old != nil || len(h.members)+h.admitted < h.cfg.MaxMembers, link.Full
}

// removals remembers whom the game removed, the last maxMembers of them.
type removals struct{ ids []MemberID }

func (r *removals) has(id MemberID) bool { return slices.Contains(r.ids, id) }

func (r *removals) add(id MemberID) {
	if len(r.ids) == maxMembers {
		r.ids = append(r.ids[:0], r.ids[1:]...)
	}
	r.ids = append(r.ids, id)
}

func (h *Host) opened(p *peer) {
	if introducible(p) && h.relays(p) {
		h.exchange.Add(p.link)
	}
}

func (h *Host) connected(p *peer) {
	h.done(p)
	if !introducible(p) {
		return
	}
	for _, other := range h.members {
		if other == p || !introducible(other) {
			continue
		}
		flags := uint64(0)
		if h.relays(p) && h.relays(other) {
			flags = wire.MemberRelay
		}
		p.link.SendControl(wire.Control{Kind: wire.ControlMember, Member: uint64(other.id), Flags: flags})
		other.link.SendControl(wire.Control{
			Kind: wire.ControlMember, Member: uint64(p.id), Flags: flags | wire.MemberOffer,
		})
	}
}

// relays reports whether the host passes on what that client and others say to each
// other.
func (h *Host) relays(p *peer) bool { return h.exchange != nil && p.link.Relays() }

// introducible reports whether the peer takes part in the mesh: original peers
// talk to the host alone, and other hosts at a shared address see everyone
// themselves.
func introducible(p *peer) bool { return p.link.Own() && !p.link.Host() }

func (h *Host) disconnected(p *peer, why link.Reason) {
	if p.removed.Load() {
		h.removed.add(p.id)
	}
	if h.exchange != nil {
		h.exchange.Remove(p.link)
	}
	h.calm() // it may have ended while we looked for a path
	if h.members[p.id] != nil || !introducible(p) {
		return // replaced by a newer connection
	}
	h.pace.forget(p.id)
	reason := uint64(wire.ReasonLost)
	switch why {
	case link.Left:
		reason = wire.ReasonLeft
	case link.Local, link.Protocol:
		reason = wire.ReasonRemoved
	}
	for _, other := range h.members {
		if introducible(other) {
			other.link.SendControl(wire.Control{Kind: wire.ControlGone, Member: uint64(p.id), Reason: reason})
		}
	}
}

func (h *Host) failed(p *peer, why link.Reason) {
	h.done(p)
	h.log.Info("a member could not connect", "reason", int(why))
}
