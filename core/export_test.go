package core

import (
	"github.com/pion/transport/v5"

	"unityp2p/core/wire"
)

// OnNet puts rooms on another network than the system's. For tests.
func (c Config) OnNet(n transport.Net) Config {
	c.net = n
	return c
}

// Kill ends a room as if its process had died: nothing is sent, no goodbye is
// said. For tests.
func (r *Room) Kill() {
	r.closing.Do(func() {
		r.cancel()
		<-r.stopped
		r.running.Wait()
		if r.queue != nil {
			r.queue.close()
		}
	})
}

// KeepApart lets some clients find no path to each other: the host passes on
// none of their candidates. For tests; before the first of them joins.
func (h *Host) KeepApart(apart func(a, b MemberID) bool) {
	h.do(func() { h.role = &divider{h, apart} })
}

type divider struct {
	*Host
	apart func(a, b MemberID) bool
}

func (d *divider) control(p *peer, c wire.Control) {
	if c.Kind == wire.ControlSignal && c.Signal.Kind == wire.Candidate && d.apart(p.id, MemberID(c.Member)) {
		return
	}
	d.Host.control(p, c)
}

// Urgent reports whether the room presses for its connection to the signaling server.
// For tests.
func (r *Room) Urgent() (urgent bool) {
	r.do(func() { urgent = r.signaling != nil && r.signaling.Urgent() })
	return urgent
}

// Say tells a member something on the host's control channel. For tests.
func (h *Host) Say(to MemberID, c wire.Control) {
	h.do(func() {
		if p := h.members[to]; p != nil {
			p.link.SendControl(c)
		}
	})
}

// Overhear tells which restart messages come over the signaling server. For tests;
// before the first member joins.
func (h *Host) Overhear(heard func(n wire.Negotiation)) {
	h.do(func() { h.role = &listener{h, heard} })
}

type listener struct {
	*Host
	heard func(n wire.Negotiation)
}

func (l *listener) frame(f wire.Frame) {
	l.Host.frame(f)
	if n, err := wire.ParseNegotiation(f.Data); err == nil && n.Kind == wire.Restarting {
		l.heard(n)
	}
}

// Ways returns how many links at the signaling server the host takes for a member's.
// For tests.
func (h *Host) Ways(of MemberID) (ways int) {
	h.do(func() {
		if p := h.members[of]; p != nil {
			ways = len(p.ways.list)
		}
	})
	return ways
}
