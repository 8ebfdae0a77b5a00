package signaling

import (
	"sync"
	"sync/atomic"
	"time"

	"unityp2p/core/wire"
)

// noID is the id of frames about listening.
const noID = -1

// app is one address space. Its lock covers who listens and who is linked, and
// every frame that comes of a change is queued under it, so that the order of
// frames is the same for all sockets.
type app struct {
	name     string
	sharing  bool
	observer Observer
	town     *town

	mu        sync.Mutex
	pending   [4]*peer // for whom something waits to be written
	pendings  int
	listeners map[wire.Address][]*peer // one each, unless addresses are shared
}

// link is one end of a link: where the other end is.
type link struct {
	partner *peer
	id      int16 // the partner's
	asked   bool  // this end asked for it

	last uint32 // number of the last frame of the link that was sent to this end
}

// town counts what all apps have together, and says how much that may be.
type town struct {
	mostRooms, mostLinks int64
	mostAsked            int // links that one peer asks for, and those that it is given
	rooms, links         atomic.Int64
}

func newApp(a App, o Observer, t *town) *app {
	return &app{name: a.Name, sharing: a.AddressSharing, observer: o, town: t, listeners: make(map[wire.Address][]*peer)}
}

// ready notes that something is to be written to p when the lock is free.
func (a *app) ready(p *peer) {
	if a.pendings == len(a.pending) {
		go p.flush()
		return
	}
	a.pending[a.pendings] = p
	a.pendings++
}

// unlock frees the lock, then writes what was queued under it.
func (a *app) unlock() {
	pending := a.pending[:a.pendings]
	var mine [len(a.pending)]*peer
	n := copy(mine[:], pending)
	clear(pending)
	a.pendings = 0
	a.mu.Unlock()
	for _, p := range mine[:n] {
		p.flush()
	}
}

// countRoom notes one address more, or one less.
func (a *app) countRoom(change int) {
	a.town.rooms.Add(int64(change))
	a.observer.Rooms(a.name, change)
}

// countLink notes one link more, or one less.
func (a *app) countLink(change int) {
	a.town.links.Add(int64(change))
	a.observer.Links(a.name, change)
}

// takes tells whether p may be given another link.
func (a *app) takes(p *peer) bool {
	return len(p.links)-p.asked < a.town.mostAsked && a.town.links.Load() < a.town.mostLinks
}

// uses tells whether p has any business here.
func (a *app) uses(p *peer) bool {
	a.mu.Lock()
	defer a.unlock()
	return p.listening || len(p.links) > 0
}

// listen claims an address. An earlier one of the same socket is given up
// first.
func (a *app) listen(p *peer, f wire.Frame) {
	a.mu.Lock()
	defer a.unlock()
	a.stopLocked(p)
	if f.DataType != wire.Text {
		return
	}
	address := wire.Address(f.Data)
	echo := wire.Frame{Type: wire.ServerInitialized, DataType: wire.Text, ID: noID, Data: f.Data}
	others := a.listeners[address]
	allowed := p.grant == nil || p.grant.Host.has(address)
	if allowed && a.mayResume(p, address, others) {
		a.takeOver(p, others[0], echo)
		return
	}
	if !allowed || address.Units() > wire.MaxAddressUnits || (len(others) > 0 && !a.sharing) {
		a.observer.Refused(a.explainListen(p, allowed, others))
		echo.Type = wire.ServerInitFailed
		p.send(echo)
		return
	}
	if len(others) == 0 {
		if a.town.rooms.Load() >= a.town.mostRooms {
			p.expel(RefusedRooms)
			return
		}
		a.countRoom(1)
	}
	p.address, p.listening = address, true
	a.listeners[address] = append(others, p)
	a.promise(p, false, 0)
	p.send(echo)
	for _, other := range others {
		a.share(p, other)
	}
}

// share links two that listen on one address, unless they are linked already,
// from an earlier time or because one has connected to the other: each pair
// negotiates one connection.
func (a *app) share(p, other *peer) {
	if p.partners[other] > 0 || !a.takes(p) || !a.takes(other) {
		return
	}
	id, ok := p.ids.take()
	if !ok {
		return
	}
	otherID, ok := other.ids.take()
	if !ok {
		p.ids.free(id)
		return
	}
	p.link(id, link{partner: other, id: otherID})
	other.link(otherID, link{partner: p, id: id})
	a.countLink(1)
	other.send(wire.Frame{Type: wire.NewConnection, ID: otherID})
	p.send(wire.Frame{Type: wire.NewConnection, ID: id})
}

// link notes one end of a link.
func (p *peer) link(id int16, l link) {
	if p.links == nil {
		p.links = make(map[int16]link)
	}
	p.links[id] = l
	p.ids.use(id)
	if l.asked {
		p.asked++
	}
	if p.app.sharing {
		if p.partners == nil {
			p.partners = make(map[*peer]int)
		}
		p.partners[l.partner]++
	}
}

// unlink forgets one end of a link.
func (p *peer) unlink(id int16) {
	l := p.links[id]
	delete(p.links, id)
	if len(p.links) == 0 {
		p.links = nil // a map never shrinks
	}
	p.ids.free(id)
	if l.asked {
		p.asked--
	}
	if p.app.sharing {
		if p.partners[l.partner]--; p.partners[l.partner] == 0 {
			delete(p.partners, l.partner)
		}
	}
}

// stop gives up the address that p listens on. Its links live on.
func (a *app) stop(p *peer) {
	a.mu.Lock()
	defer a.unlock()
	a.stopLocked(p)
}

func (a *app) stopLocked(p *peer) {
	if !p.listening {
		return
	}
	a.free(p)
	p.send(wire.Frame{Type: wire.ServerClosed, ID: noID})
}

// free takes p off its address.
func (a *app) free(p *peer) {
	if !p.listening {
		return
	}
	var rest []*peer
	for _, other := range a.listeners[p.address] {
		if other != p {
			rest = append(rest, other)
		}
	}
	if len(rest) > 0 {
		a.listeners[p.address] = rest
	} else {
		delete(a.listeners, p.address)
		a.countRoom(-1)
	}
	p.listening, p.address = false, ""
}

// connect links p with the one that listens on an address. The listener hears
// of it first. If too much waits for the listener already, nothing is done and
// the listener is returned.
func (a *app) connect(p *peer, f wire.Frame) (busy *peer) {
	a.mu.Lock()
	defer a.unlock()
	var listener *peer
	allowed := true
	if f.DataType == wire.Text {
		allowed = p.grant == nil || p.grant.Join.has(wire.Address(f.Data))
		if there := a.listeners[wire.Address(f.Data)]; len(there) == 1 && allowed {
			listener = there[0]
		}
	}
	if listener != nil && listener.busy() {
		return listener
	}
	a.dropLocked(p, f.ID, false)
	a.unwait(p, f.ID)
	switch {
	case listener == nil:
		why := RefusedConnect
		if !allowed {
			why = RefusedJoining
			p.explain(f.ID, wire.RefusedJoining, "the token does not allow to join this room")
		}
		a.observer.Refused(why)
		p.send(wire.Frame{Type: wire.ConnectionFailed, ID: f.ID})
	case listener.lost != nil:
		a.wait(p, f.ID, listener)
	default:
		a.join(p, f.ID, listener)
	}
	return nil
}

// join links p, under its own id, with a listener.
func (a *app) join(p *peer, own int16, listener *peer) {
	id, ok := a.place(p, own, listener)
	switch {
	case !ok:
		a.observer.Refused(RefusedConnect)
		p.send(wire.Frame{Type: wire.ConnectionFailed, ID: own})
		return
	case p.asked >= a.town.mostAsked:
		listener.ids.free(id)
		p.ids.free(own)
		p.expel(RefusedLinks)
		return
	}
	p.link(own, link{partner: listener, id: id, asked: true})
	listener.link(id, link{partner: p, id: own})
	a.countLink(1)
	listener.send(wire.Frame{Type: wire.NewConnection, ID: id})
	p.send(wire.Frame{Type: wire.NewConnection, ID: own})
}

// place takes an id at the listener for p's link. It reports false if there is no
// room.
func (a *app) place(p *peer, own int16, listener *peer) (id int16, ok bool) {
	if !a.takes(listener) {
		return 0, false
	}
	p.ids.use(own) // so that a link to oneself gets another id
	if id, ok = listener.ids.take(); !ok {
		p.ids.free(own)
	}
	return id, ok
}

// busy tells whether senders are to wait for p.
func (p *peer) busy() bool {
	room, _ := p.queue.congested()
	return room != nil
}

// disconnect drops a link; both ends hear of it.
func (a *app) disconnect(p *peer, id int16) {
	a.mu.Lock()
	defer a.unlock()
	if a.unwait(p, id) {
		p.send(wire.Frame{Type: wire.Disconnected, ID: id})
		return
	}
	a.dropLocked(p, id, true)
}

func (a *app) dropLocked(p *peer, id int16, tell bool) {
	l, ok := p.links[id]
	if !ok {
		return
	}
	p.unlink(id)
	l.partner.unlink(l.id)
	a.countLink(-1)
	l.partner.send(wire.Frame{Type: wire.Disconnected, ID: l.id})
	if tell {
		p.send(wire.Frame{Type: wire.Disconnected, ID: id})
	}
}

// relay passes data on to the other end of a link. Text is not passed on as
// data. If too much waits for the other end already, nothing is done and the
// other end is returned.
func (a *app) relay(p *peer, f wire.Frame, came time.Time) (busy *peer) {
	a.mu.Lock()
	defer a.unlock()
	l, ok := p.links[f.ID]
	if !ok {
		return nil
	}
	if l.partner.busy() {
		return l.partner
	}
	f.ID = l.id
	if f.DataType == wire.Text {
		f.DataType, f.Data = wire.NoData, nil
	}
	l.partner.pass(f, came)
	return nil
}

// gone forgets a socket that has ended, unless it was lost and its host may come
// back.
func (a *app) gone(p *peer, clean bool) {
	a.mu.Lock()
	defer a.unlock()
	p.left = true
	if p.ext != nil && p.ext.renew != nil {
		p.ext.renew.Stop()
	}
	for id := range p.waits {
		a.unwait(p, id)
	}
	if !clean && a.hold(p) {
		return
	}
	a.free(p)
	for id := range p.links {
		a.dropLocked(p, id, false)
	}
}
