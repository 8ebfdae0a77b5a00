package core

import (
	"unityp2p/core/sigclient"
	"unityp2p/core/wire"
)

// serverRoute brings negotiation through the signaling server, over its link id.
type serverRoute struct {
	room       *Room
	id         int16
	generation int

	last    uint32             // which frame about links of this connection was its last
	parted  bool               // its connection broke, and may be resumed
	pending []wire.Negotiation // what is to be said then
	broken  bool               // more than that was to be said
}

func (s *serverRoute) send(n wire.Negotiation) {
	if s.generation != s.room.generation {
		s.park(n)
		return
	}
	s.room.sendFrame(wire.Frame{
		Type: wire.ReliableMessage, DataType: wire.Bytes, ID: s.id, Data: n.Append(nil),
	})
	s.last = s.room.tally.sent
}

// park keeps what cannot be said now. If the signaling link is gone for good,
// nobody needs it.
func (s *serverRoute) park(n wire.Negotiation) {
	switch {
	case !s.parted:
	case len(s.pending) >= maxEarly:
		s.broken = true
	default:
		s.pending = append(s.pending, n)
	}
}

// tally counts frames about links, of which server and host compare how many
// there were when a connection broke.
type tally struct{ sent, received uint32 }

func aboutLink(t wire.FrameType) bool {
	switch t {
	case wire.UnreliableMessage, wire.ReliableMessage, wire.NewConnection, wire.Disconnected:
		return true
	}
	return false
}

// sendFrame reports false if there is no connection to the signaling server
// now. When there is one again, signalingUp is called.
func (r *Room) sendFrame(f wire.Frame) bool {
	if r.signaling == nil {
		return false
	}
	if aboutLink(f.Type) {
		r.tally.sent++ // also if it does not get through: then it is missed
	}
	return r.signaling.Send(f)
}

// dropRoute ends a link at the signaling server.
func (r *Room) dropRoute(s *serverRoute) {
	if s.generation == r.generation {
		r.sendFrame(wire.Frame{Type: wire.Disconnected, ID: s.id})
	}
}

// openSignaling connects to the signaling server unless that is so already.
func (r *Room) openSignaling() {
	if r.signaling != nil || r.suspended || r.leaving {
		return
	}
	r.generation++
	r.signaling = sigclient.New(r.ctx, sigclient.Options{
		URL: r.cfg.Signaling, Token: r.cfg.Token, TLS: r.cfg.TLS, Pin: r.cfg.pin,
		Handler: &signalingHandler{room: r, generation: r.generation},
	})
}

// closeSignaling lets go of the signaling server. What was queued is sent.
func (r *Room) closeSignaling() {
	if r.signaling == nil {
		return
	}
	r.generation++
	old := r.signaling
	r.signaling = nil
	r.running.Go(old.Close) // it waits for its handler, which waits for the loop
}

// signalingHandler brings a connection's news to the loop, while it is the
// current one.
type signalingHandler struct {
	room       *Room
	generation int
}

func (h *signalingHandler) do(f func()) {
	r := h.room
	r.do(func() {
		if h.generation == r.generation && !r.leaving {
			f()
		}
	})
}

// Up implements sigclient.Handler.
func (h *signalingHandler) Up() {
	h.do(func() {
		h.room.role.signalingUp()
	})
}

// Frame implements sigclient.Handler.
func (h *signalingHandler) Frame(f wire.Frame) { h.do(func() { h.room.signalingFrame(f) }) }

// signalingFrame takes what is for every role, and leaves it the rest.
func (r *Room) signalingFrame(f wire.Frame) {
	switch f.Type {
	case wire.VersionFrame, wire.HeartbeatFrame:
	case wire.ExtensionFrame:
		e, err := wire.ParseExtension(f.Data)
		if err != nil {
			r.log.Debug("extension frame ignored", "error", err)
			return
		}
		if e.Kind == wire.ExtServers {
			r.useServers(e.Servers)
			return
		}
		r.role.extension(e)
	default:
		if aboutLink(f.Type) {
			r.tally.received++
		}
		r.role.frame(f)
	}
}

// useServers takes the ICE servers that the signaling server hands out, unless
// the game named its own. They come before the answer to whatever makes a link
// begin, so that no link waits for them.
func (r *Room) useServers(servers []wire.ICEServer) {
	if !r.cfg.handedOut {
		return
	}
	list := []ICEServer{}
	for _, s := range servers {
		for _, url := range s.URLs {
			one := ICEServer{URL: url, Username: s.Username, Credential: s.Credential}
			if err := one.check(); err != nil {
				r.log.Warn("an ICE server of the signaling server cannot be used", "error", err)
				continue
			}
			list = append(list, one)
		}
	}
	if len(list) == 0 {
		return
	}
	r.engine.SetICEServers(pionServers(list))
}

// Down implements sigclient.Handler.
func (h *signalingHandler) Down(err *sigclient.Error) {
	h.do(func() {
		r := h.room
		// The links of the old connection are gone with it. The same client
		// connects anew under the next generation.
		r.generation++
		h.generation = r.generation
		r.signalingFailed(err)
		r.role.signalingDown()
	})
}

// signalingFailed says why there is no connection now.
func (r *Room) signalingFailed(err *sigclient.Error) {
	if r.role.quiet() {
		return
	}
	switch err.Problem {
	case sigclient.Again:
	case sigclient.TokenRefused:
		r.troubled(TokenRefused, false, "%v; ask for a new token, or set the right one; trying again", err)
	case sigclient.Refused:
		r.troubled(Refused, false, "%v; check the URL and its path; trying again", err)
	case sigclient.Lost:
		r.troubled(SignalingLost, false, "%v; trying again, existing connections go on", err)
	case sigclient.WrongCertificate:
		r.troubled(WrongCertificate, false, "%v; set the TLS pin to the server's fingerprint, or give the server a certificate that this machine trusts; trying again", err)
	case sigclient.Limited:
		r.troubled(Limited, false, "%v; trying again later, existing connections go on", err)
	case sigclient.Ended:
		r.troubled(SignalingEnded, true, "%v; not trying again, existing connections go on", err)
	default:
		r.troubled(Unavailable, false, "%v; check the URL and that the server runs; trying again", err)
	}
}
