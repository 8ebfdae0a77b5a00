package core

import (
	"unityp2p/core/wire"
)

// holding is what a host knows of its name at the signaling server: how to have
// it again when the connection broke. Servers of the original protocol tell no
// secret, and free the name at once: then the host claims it like any other.
type holding struct {
	known    bool // the secret is of a name that was ours
	secret   wire.Secret
	received uint32         // frames about links that came over the lost connection
	resumed  bool           // the server says that links were carried over …
	carried  uint32         // … and how many of our frames it got
	refusal  wire.Extension // why the next refusal comes; zero: the usual
}

// part keeps the introductions of a connection that broke: the server may keep
// their links for us. Those that are being negotiated may still come up by what
// was said so far, also if it does not.
func (h *Host) part() {
	if !h.name.known || h.suspended {
		h.incoming = make(map[int16]*introduction)
		return
	}
	for _, i := range h.incoming {
		i.route.parted = true
	}
}

// reconnected begins a new connection's tally, and keeps the old one's for the
// claim.
func (h *Host) reconnected() {
	h.name.received, h.name.resumed = h.tally.received, false
	h.tally = tally{}
}

// claimBack says that the name that we ask for next is ours.
func (h *Host) claimBack() {
	if h.name.known {
		h.sendFrame(wire.Extension{
			Kind: wire.ExtResume, Address: h.address, Secret: h.name.secret, Received: h.name.received,
		}.Frame(-1))
	}
}

func (h *Host) extension(e wire.Extension) {
	switch e.Kind {
	case wire.ExtName:
		h.name.known, h.name.secret = true, e.Secret
		h.name.resumed, h.name.carried = e.Resumed, e.Received
	case wire.ExtRefusal:
		h.name.refusal = e
	}
}

// named continues the introductions whose links are still there, or forgets
// them.
func (h *Host) named() {
	for id, i := range h.incoming {
		r := i.route
		if !r.parted {
			continue
		}
		if !h.name.resumed {
			delete(h.incoming, id)
			continue
		}
		r.parted, r.generation = false, h.generation
		if r.broken || int32(r.last-h.name.carried) > 0 {
			h.forget(i) // something that we said was lost: the other side tries anew
			continue
		}
		r.last = 0
		pending := r.pending
		r.pending = nil
		for _, n := range pending {
			r.send(n)
		}
	}
	h.name.resumed = false
}

// unnamed says why the name is not ours, and asks again in a while. If it was
// ours, it is not any more.
func (h *Host) unnamed() {
	why := h.name.refusal
	h.name.refusal, h.name.known, h.name.resumed = wire.Extension{}, false, false
	h.named()
	switch why.Code {
	case wire.RefusedHosting:
		h.troubled(NotAllowed, false, "the token does not allow to host the room %q; get one that does; trying again", h.cfg.Room)
		h.reclaim(reclaimDenied)
	case wire.RefusedLimit:
		h.troubled(Limited, false, "the signaling server does not take the room %q now (%q); trying again later", h.cfg.Room, why.Text)
		h.reclaim(reclaimDenied)
	case wire.RefusedHeld:
		h.troubled(RoomTaken, false, "the room %q is kept for a moment for a host that lost its connection; trying again until it is free", h.cfg.Room)
		h.reclaim(reclaimMin)
	default:
		h.troubled(RoomTaken, false, "another host holds the room %q; trying again until it lets go", h.cfg.Room)
		h.reclaim(reclaimMin)
	}
}
