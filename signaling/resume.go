package signaling

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
)

// DefaultResumeGrace is how long a lost host's name is kept for it.
const DefaultResumeGrace = 10 * time.Second

// Bounds of what is kept for a lost host.
const (
	maxKept    = 64 << 10 // bytes of frames, each with frameCost; beyond it links end
	frameCost  = 32
	maxWaiting = 256 // connectors; beyond it they are told that nobody is there
)

// lost is what is kept for a host whose socket is gone and whose name is not.
// Its peer stays what listens and what links lead to.
type lost struct {
	timer   *time.Timer
	frames  []wire.Frame
	cost    int
	waiting []waiter
}

// waiter asked for a link to a host that is lost.
type waiter struct {
	peer *peer
	id   int16
}

// nameKept reports whether p's name and links are kept when its socket is lost:
// of a version 3 host, where it alone has the name.
func (a *app) nameKept(p *peer) bool {
	return p.ext != nil && p.listening && !a.sharing && p.server.config.ResumeGrace > 0
}

// clean tells whether the other side ended the socket on purpose.
func clean(err error) bool {
	var closed *websocket.CloseError
	return errors.As(err, &closed) && (closed.Code == websocket.CloseNormalClosure ||
		closed.Code == websocket.CloseGoingAway || closed.Code == websocket.CloseNoStatusReceived)
}

// promise tells a host how to resume the name that it is about to get.
func (a *app) promise(p *peer, resumed bool, received uint32) {
	if !a.nameKept(p) {
		return
	}
	if !resumed {
		_, _ = rand.Read(p.ext.secret[:]) // it never fails
	}
	p.send(wire.Extension{
		Kind: wire.ExtName, Address: p.address, Secret: p.ext.secret,
		Resumed: resumed, Received: received, Grace: p.server.config.ResumeGrace,
	}.Frame(noID))
}

// mayResume tells whether p has the secret of the one that listens on an address.
func (a *app) mayResume(p *peer, address wire.Address, there []*peer) bool {
	if p.ext == nil || len(there) != 1 || there[0] == p || !a.nameKept(there[0]) {
		return false
	}
	c := &p.ext.claim
	return c.address == address && subtle.ConstantTimeCompare(c.secret[:], there[0].ext.secret[:]) == 1
}

// hold keeps the name and the links of a socket that was lost. It reports false
// if nothing is to be kept.
func (a *app) hold(p *peer) bool {
	if !a.nameKept(p) || p.server.isClosing() {
		return false
	}
	p.lost = &lost{timer: time.AfterFunc(p.server.config.ResumeGrace, func() { a.expire(p) })}
	return true
}

// expire ends the grace period: the host is really gone.
func (a *app) expire(p *peer) {
	a.mu.Lock()
	defer a.unlock()
	a.release(p)
}

// release lets go of a lost host.
func (a *app) release(p *peer) {
	l := p.lost
	if l == nil {
		return
	}
	p.lost = nil
	l.timer.Stop()
	a.free(p)
	for id := range p.links {
		a.dropLocked(p, id, false)
	}
	for _, w := range l.waiting {
		delete(w.peer.waits, w.id)
		w.peer.send(wire.Frame{Type: wire.ConnectionFailed, ID: w.id})
	}
}

// releaseAll lets go of all lost hosts: the server ends.
func (a *app) releaseAll() {
	a.mu.Lock()
	defer a.unlock()
	for _, there := range a.listeners {
		for _, p := range there {
			a.release(p)
		}
	}
}

// keep takes a frame for a lost host. What is too much ends its link. That a
// link has ended is always kept: no link begins meanwhile.
func (a *app) keep(p *peer, f wire.Frame) {
	l := p.lost
	cost := len(f.Data) + frameCost
	if f.Type != wire.Disconnected && l.cost+cost > maxKept {
		a.dropLocked(p, f.ID, false)
		f = wire.Frame{Type: wire.Disconnected, ID: f.ID}
	}
	l.cost += cost
	f.Data = bytes.Clone(f.Data)
	l.frames = append(l.frames, f)
}

// wait lets a connector wait for a lost host: it is linked when the host is
// back, and hears that nobody is there when the grace period is over.
func (a *app) wait(p *peer, id int16, host *peer) {
	if len(host.lost.waiting) >= maxWaiting {
		p.send(wire.Frame{Type: wire.ConnectionFailed, ID: id})
		return
	}
	if p.waits == nil {
		p.waits = make(map[int16]*peer)
	}
	p.waits[id] = host
	host.lost.waiting = append(host.lost.waiting, waiter{p, id})
}

// unwait takes back a connector's wish, and reports whether there was one.
func (a *app) unwait(p *peer, id int16) bool {
	host := p.waits[id]
	if host == nil {
		return false
	}
	delete(p.waits, id)
	rest := host.lost.waiting[:0]
	for _, w := range host.lost.waiting {
		if w.peer != p || w.id != id {
			rest = append(rest, w)
		}
	}
	host.lost.waiting = rest
	return true
}

// takeOver gives p the name of its host's older socket, which is lost or soon
// will be, and every link of it that lost nothing on the way.
func (a *app) takeOver(p, old *peer, echo wire.Frame) {
	p.address, p.listening = old.address, true
	a.listeners[p.address] = []*peer{p}
	old.address, old.listening = "", false
	p.ext.secret = old.ext.secret
	kept := old.lost
	if kept != nil {
		old.lost = nil // not written of a socket that lives: its reader looks at it
	}
	a.promise(p, true, old.ext.taken.Load())
	p.send(echo)
	for id, l := range old.links {
		a.carry(p, old, id, l)
	}
	if kept == nil {
		old.retire()
		return
	}
	kept.timer.Stop()
	for _, f := range kept.frames {
		if _, ok := p.links[f.ID]; ok || f.Type == wire.Disconnected {
			p.send(f)
		}
	}
	for _, w := range kept.waiting {
		delete(w.peer.waits, w.id)
		a.join(w.peer, w.id, p)
	}
}

// carry moves one end of a link to the host's new socket, under its old id. If
// something of the link was lost with the old socket, or the id is in use, or it
// is a link to itself, both ends hear that the link is gone instead.
func (a *app) carry(p, old *peer, id int16, l link) {
	_, used := p.links[id]
	missed := int32(l.last-p.ext.claim.received) > 0
	if used || missed || l.partner == old {
		a.dropLocked(old, id, false)
		if !used {
			p.send(wire.Frame{Type: wire.Disconnected, ID: id})
		}
		return
	}
	old.unlink(id)
	l.last = 0
	p.link(id, l)
	other := l.partner.links[l.id]
	other.partner = p
	l.partner.links[l.id] = other
}

// retire ends a socket whose name was resumed by another. Never blocks.
func (p *peer) retire() {
	p.expel(RefusedReplaced)
}

// aboutLink tells whether a frame counts towards what was received and sent.
func aboutLink(t wire.FrameType) bool {
	switch t {
	case wire.UnreliableMessage, wire.ReliableMessage, wire.NewConnection, wire.Disconnected:
		return true
	}
	return false
}

// count notes a frame that is sent to p over its socket.
func (p *peer) count(f wire.Frame) {
	if p.ext == nil || !aboutLink(f.Type) {
		return
	}
	p.ext.sent++
	if l, ok := p.links[f.ID]; ok {
		l.last = p.ext.sent
		p.links[f.ID] = l
	}
}
