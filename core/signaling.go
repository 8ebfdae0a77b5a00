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
}

func (s *serverRoute) send(n wire.Negotiation) {
	if s.generation != s.room.generation {
		return // that signaling link is gone
	}
	s.room.sendFrame(wire.Frame{
		Type: wire.ReliableMessage, DataType: wire.Bytes, ID: s.id, Data: n.Append(nil),
	})
}

// sendFrame reports false if there is no connection to the signaling server
// now. When there is one again, signalingUp is called.
func (r *Room) sendFrame(f wire.Frame) bool {
	return r.signaling != nil && r.signaling.Send(f)
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
		URL: r.cfg.Signaling, Token: r.cfg.Token, TLS: r.cfg.TLS,
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
func (h *signalingHandler) Up() { h.do(h.room.role.signalingUp) }

// Frame implements sigclient.Handler.
func (h *signalingHandler) Frame(f wire.Frame) { h.do(func() { h.room.role.frame(f) }) }

// Down implements sigclient.Handler.
func (h *signalingHandler) Down(err *sigclient.Error) {
	h.do(func() {
		r := h.room
		// The links of the old connection are gone with it. The same client
		// connects anew under the next generation.
		r.generation++
		h.generation = r.generation
		switch err.Problem {
		case sigclient.TokenRefused:
			r.troubled(TokenRefused, false, "%v; ask for a new token, or set the right one", err)
		case sigclient.Refused:
			r.troubled(Refused, false, "%v; check the URL and its path", err)
		case sigclient.Lost:
			r.troubled(SignalingLost, false, "%v; trying again, existing connections go on", err)
		default:
			r.troubled(Unavailable, false, "%v; check the URL and that the server runs; trying again", err)
		}
		r.role.signalingDown()
	})
}
