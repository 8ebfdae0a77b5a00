package signaling

import (
	"sync/atomic"
	"time"

	"unityp2p/core/wire"
)

// ICEServer is a STUN or TURN server that is handed out to clients. Those with
// a Lifetime are handed out anew when half of it is over.
type ICEServer = wire.ICEServer

// extension is what a socket of protocol version 3 has besides.
type extension struct {
	taken atomic.Uint32 // frames about links that came from it and were dealt with

	// The app's, under its lock.
	sent   uint32      // frames about links that were sent to it
	secret wire.Secret // resumes the name that it listens on
	claim  claim       // what it wants to resume when it listens
	renew  *time.Timer // hands out ICE servers anew
}

// claim says that a name is its socket's. The zero value claims none: no secret
// is zero.
type claim struct {
	address  wire.Address
	secret   wire.Secret
	received uint32
}

// version answers a version frame. Only those who say 3 hear 3: to all others
// this is the original server.
func (p *peer) version(v uint8) {
	if v != wire.ExtendedVersion {
		p.answer(wire.Frame{Type: wire.VersionFrame, Version: wire.OriginalVersion})
		return
	}
	p.answer(wire.Frame{Type: wire.VersionFrame, Version: wire.ExtendedVersion})
	if p.app.extend(p) {
		p.handOut()
	}
}

// extend reports false if p is of version 3 already.
func (a *app) extend(p *peer) bool {
	a.mu.Lock()
	defer a.unlock()
	if p.ext != nil {
		return false
	}
	p.ext = new(extension)
	return true
}

// extended handles an extension frame. Those of a socket that did not say that
// it knows them are as unknown as they are to the original server.
func (p *peer) extended(f wire.Frame) {
	if p.ext == nil || f.DataType != wire.Bytes {
		return
	}
	e, err := wire.ParseExtension(f.Data)
	if err != nil || e.Kind != wire.ExtResume {
		return
	}
	p.app.mu.Lock()
	defer p.app.unlock()
	p.ext.claim = claim{e.Address, e.Secret, e.Received}
}

// minRenewal bounds how often ICE servers are handed out, whatever their
// lifetime.
const minRenewal = 500 * time.Millisecond

// handOut sends the ICE servers, if there are any, and again in good time
// before they run out.
func (p *peer) handOut() {
	if p.server.config.ICEServers == nil {
		return
	}
	servers := p.server.config.ICEServers()
	if len(servers) == 0 {
		return
	}
	lifetime := time.Duration(0)
	for _, s := range servers {
		if s.Lifetime > 0 && (lifetime == 0 || s.Lifetime < lifetime) {
			lifetime = s.Lifetime
		}
	}
	p.app.mu.Lock()
	defer p.app.unlock()
	if p.left {
		return
	}
	p.send(wire.Extension{Kind: wire.ExtServers, Servers: servers}.Frame(noID))
	if lifetime > 0 {
		p.ext.renew = time.AfterFunc(max(lifetime/2, minRenewal), p.handOut)
	}
}

// explain says why the refusal that follows is one, to those who understand.
func (p *peer) explain(id int16, code wire.RefusalCode, text string) {
	if p.ext != nil {
		p.send(wire.Extension{Kind: wire.ExtRefusal, Code: code, Text: text}.Frame(id))
	}
}
