package signaling

import (
	"sync"

	"unityp2p/core/wire"
)

// Ids that the server gives to incoming links.
const (
	firstServerID = 16384
	lastServerID  = 32767
	noID          = -1
)

// app is one address space. Its lock covers who listens and who is linked, and
// every frame that comes of a change is queued under it, so that the order of
// frames is the same for all sockets.
type app struct {
	sharing bool

	mu        sync.Mutex
	listeners map[wire.Address][]*peer // one each, unless addresses are shared
}

// link is one end of a link: where the other end is.
type link struct {
	partner *peer
	id      int16 // the partner's
	shared  bool  // made because both listen on a shared address
}

func newApp(sharing bool) *app {
	return &app{sharing: sharing, listeners: make(map[wire.Address][]*peer)}
}

// listen claims an address. An earlier one of the same socket is given up
// first.
func (a *app) listen(p *peer, f wire.Frame) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopLocked(p)
	if f.DataType != wire.Text {
		return
	}
	address := wire.Address(f.Data)
	echo := wire.Frame{Type: wire.ServerInitialized, DataType: wire.Text, ID: noID, Data: f.Data}
	others := a.listeners[address]
	if address.Units() > wire.MaxAddressUnits || (len(others) > 0 && !a.sharing) {
		echo.Type = wire.ServerInitFailed
		p.send(echo)
		return
	}
	p.address, p.listening = address, true
	a.listeners[address] = append(others, p)
	p.send(echo)
	for _, other := range others {
		a.share(p, other)
	}
}

// share links two that listen on one address, unless they are linked already
// from an earlier time.
func (a *app) share(p, other *peer) {
	for _, l := range p.links {
		if l.partner == other && l.shared {
			return
		}
	}
	id, ok := p.freeID()
	otherID, otherOK := other.freeID()
	if !ok || !otherOK {
		return
	}
	p.links[id] = link{other, otherID, true}
	other.links[otherID] = link{p, id, true}
	other.send(wire.Frame{Type: wire.NewConnection, ID: otherID})
	p.send(wire.Frame{Type: wire.NewConnection, ID: id})
}

// freeID returns an id for an incoming link: the next one, or, after the last,
// the first that is free.
func (p *peer) freeID() (int16, bool) {
	for range lastServerID - firstServerID + 1 {
		id := p.nextID
		if p.nextID == lastServerID {
			p.nextID = firstServerID
		} else {
			p.nextID++
		}
		if _, used := p.links[id]; !used {
			return id, true
		}
	}
	return 0, false
}

// stop gives up the address that p listens on. Its links live on.
func (a *app) stop(p *peer) {
	a.mu.Lock()
	defer a.mu.Unlock()
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
	}
	p.listening, p.address = false, ""
}

// connect links p with the one that listens on an address. The listener hears
// of it first.
func (a *app) connect(p *peer, f wire.Frame) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dropLocked(p, f.ID, false)
	failed := wire.Frame{Type: wire.ConnectionFailed, ID: f.ID}
	if f.DataType != wire.Text {
		p.send(failed)
		return
	}
	there := a.listeners[wire.Address(f.Data)]
	if len(there) != 1 {
		p.send(failed)
		return
	}
	listener := there[0]
	p.links[f.ID] = link{} // so that a link to oneself gets another id
	id, ok := listener.freeID()
	if !ok {
		delete(p.links, f.ID)
		p.send(failed)
		return
	}
	p.links[f.ID] = link{partner: listener, id: id}
	listener.links[id] = link{partner: p, id: f.ID}
	listener.send(wire.Frame{Type: wire.NewConnection, ID: id})
	p.send(wire.Frame{Type: wire.NewConnection, ID: f.ID})
}

// disconnect drops a link; both ends hear of it.
func (a *app) disconnect(p *peer, id int16) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dropLocked(p, id, true)
}

func (a *app) dropLocked(p *peer, id int16, tell bool) {
	l, ok := p.links[id]
	if !ok {
		return
	}
	delete(p.links, id)
	delete(l.partner.links, l.id)
	l.partner.send(wire.Frame{Type: wire.Disconnected, ID: l.id})
	if tell {
		p.send(wire.Frame{Type: wire.Disconnected, ID: id})
	}
}

// relay passes data on to the other end of a link. Text is not passed on as
// data.
func (a *app) relay(p *peer, f wire.Frame) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l, ok := p.links[f.ID]
	if !ok {
		return
	}
	f.ID = l.id
	if f.DataType == wire.Text {
		f.DataType, f.Data = wire.NoData, nil
	}
	l.partner.send(f)
}

// gone forgets a socket that has ended.
func (a *app) gone(p *peer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.free(p)
	for id := range p.links {
		a.dropLocked(p, id, false)
	}
}
