package core

import (
	"time"

	"unityp2p/core/wire"
)

// The host and a client also speak over the signaling server about a new path for
// their connection.

// reopenPause is how long a client waits before it looks for its host again at the
// signaling server.
const reopenPause = 700 * time.Millisecond

// restarting opens the way over the signaling server while the host is out of reach.
func (c *Client) restarting(p *peer, on bool) {
	if p != c.host {
		return
	}
	c.restoring = on
	if !on {
		c.leaveRoute()
		c.closeSignaling()
		return
	}
	c.openSignaling()
	if c.signaling != nil {
		c.signaling.SetUrgent(true)
	}
	c.connect()
}

// reopen asks for the host again after a pause, while that is what we want.
func (c *Client) reopen() {
	c.route, c.introduced, c.refusal = nil, false, wire.Extension{}
	c.after(reopenPause, func() {
		if c.restoring {
			c.connect()
		}
	})
}

// restoringFrame takes what the signaling server says while there is a host.
func (c *Client) restoringFrame(f wire.Frame) {
	switch f.Type {
	case wire.NewConnection:
		c.introduced = true
		c.host.link.NewWay()
	case wire.ReliableMessage:
		if n, err := wire.ParseNegotiation(f.Data); err == nil && n.Kind == wire.Restarting {
			c.host.link.Restart([]byte(n.Restart))
		}
	case wire.ConnectionFailed, wire.Disconnected:
		c.reopen()
	}
}

func (c *Client) way(p *peer) *serverRoute {
	if p != c.host || !c.introduced {
		return nil
	}
	return c.route
}

// restarting makes sure of the signaling server, where a client may come to speak
// about a new path: what broke that one may have broken this too.
func (h *Host) restarting(p *peer, on bool) {
	if !on {
		p.way = nil
	}
	if h.signaling == nil {
		return
	}
	if on {
		h.signaling.Probe()
	}
	for _, other := range h.members {
		on = on || other.restarting
	}
	h.signaling.SetUrgent(on)
}

// noWay notes that a route at the signaling server ends.
func (h *Host) noWay(route *serverRoute) {
	for _, p := range h.members {
		if p.way == route {
			p.way = nil
		}
	}
}

// quiet is for as long as a client has its host: it uses the server for that alone.
func (c *Client) quiet() bool { return c.restoring }

func (h *Host) quiet() bool { return false }

func (h *Host) way(p *peer) *serverRoute { return p.way }

// restart takes what a client says over an introduction about the connection that it
// has. Nobody else can: it is sealed.
func (h *Host) restart(i *introduction, sealed []byte) {
	session, ok := wire.RestartSession(sealed)
	if !ok || session == 0 {
		return
	}
	for _, p := range h.members {
		if p.link.Session() != session {
			continue
		}
		if p.link.Restart(sealed) && p.way != i.route {
			p.way = i.route
			p.link.NewWay()
		}
		return
	}
}
