package core

import (
	"math/rand/v2"
	"time"

	"unityp2p/core/link"
	"unityp2p/core/wire"
)

// Client is in a room that somebody else hosts.
type Client struct {
	Room
	address wire.Address
	mesh    mesh

	host     *peer // connected to, nil if none
	attempt  *peer // being connected to
	route    *serverRoute
	linkID   int16
	pause    time.Duration
	waiting  bool // for the next attempt
	finished bool // does not look for a host any more

	restoring  bool // the host is out of reach, and the signaling server a way to it
	introduced bool // the route leads to the host …
	known      bool // … which knows whose it is

	reopenAfter time.Duration // the pause before it is looked for again

	answered bool           // the host has answered the attempt's offer
	refusal  wire.Extension // why the next ConnectionFailed comes; zero: the usual
}

// Pauses between attempts to find the host.
const (
	searchFirst   = 250 * time.Millisecond
	searchLongest = 3 * time.Second
	// answerTime is how long a host that dropped the signaling link before we
	// are connected may still take.
	answerTime = 10 * time.Second
	maxLinkID  = 16383 // higher ids are the server's
)

// NewClient joins a room: connects to its host, and through it to every other
// member. It returns at once and tries on, also while there is no host, until
// Close.
func NewClient(cfg Config) (*Client, error) {
	c := &Client{address: wire.AddressOf(cfg.Room), pause: searchFirst}
	c.mesh.init(c)
	if err := c.init(cfg, c, false); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Client) start() { c.openSignaling() }

func (c *Client) resume() {
	c.pause = searchFirst
	if c.restoring {
		c.restarting(c.host, true)
		return
	}
	if c.attempt != nil {
		c.attempt.link.Close(link.Left) // its negotiation ended with the suspension
		return
	}
	c.search()
}

func (c *Client) signalingUp() { c.connect() }

// signalingDown ends what was being negotiated: a client's links at the server go with
// its connection. An offer without an answer has come to nothing.
func (c *Client) signalingDown() {
	if !c.unanswered() {
		c.unroute()
	}
}

// search looks for the host after a pause.
func (c *Client) search() {
	if c.waiting || c.finished || c.host != nil || c.attempt != nil {
		return
	}
	c.waiting = true
	pause := c.pause/2 + rand.N(c.pause)
	c.pause = min(2*c.pause, searchLongest)
	c.after(pause, func() {
		c.waiting = false
		if c.signaling == nil {
			c.openSignaling()
			return
		}
		c.connect()
	})
}

// connect asks the signaling server for a link to the host.
func (c *Client) connect() {
	if (c.host != nil && !c.restoring) || c.attempt != nil || c.route != nil || c.finished {
		return
	}
	c.introduced, c.known = false, false
	c.linkID = c.linkID%maxLinkID + 1
	asked := c.sendFrame(wire.Frame{
		Type: wire.NewConnection, DataType: wire.Text, ID: c.linkID, Data: []byte(c.address),
	})
	if asked {
		c.route = &serverRoute{room: &c.Room, id: c.linkID, generation: c.generation}
	}
}

func (c *Client) frame(f wire.Frame) {
	if c.route == nil || f.ID != c.route.id {
		return
	}
	if c.restoring {
		c.restoringFrame(f)
		return
	}
	switch f.Type {
	case wire.NewConnection:
		c.offer()
	case wire.ConnectionFailed:
		c.route = nil
		c.refused()
		c.search()
	case wire.ReliableMessage:
		if n, err := wire.ParseNegotiation(f.Data); err == nil && c.attempt != nil {
			c.answered = c.answered || n.Kind == wire.Answer
			c.attempt.link.Remote(n)
		}
	case wire.Disconnected:
		c.dropped()
	}
}

func (c *Client) offer() {
	if c.attempt != nil || c.host != nil {
		return
	}
	p, err := c.newPeer(c.route, 0, true)
	if err != nil {
		c.troubled(ConnectFailed, false, "cannot begin a connection: %v", err)
		c.leaveRoute()
		c.search()
		return
	}
	c.attempt, c.answered = p, false
}

// extension notes why a refusal follows.
func (c *Client) extension(e wire.Extension) {
	if e.Kind == wire.ExtRefusal {
		c.refusal = e
	}
}

// refused says why there is no link to the host.
func (c *Client) refused() {
	why := c.refusal
	c.refusal = wire.Extension{}
	switch why.Code {
	case wire.RefusedJoining:
		c.pause = searchLongest
		c.troubled(NotAllowed, false, "the token does not allow to join the room %q; get one that does; trying again", c.cfg.Room)
	case wire.RefusedLimit:
		c.pause = searchLongest
		c.troubled(Limited, false, "the signaling server does not connect us to %q now (%q); trying again later", c.cfg.Room, why.Text)
	default:
		c.troubled(NoHost, false, "nobody hosts the room %q yet; trying again until somebody does", c.cfg.Room)
	}
}

// dropped handles the end of the signaling link by the host's side: it is
// connected, or it has given up, or it is gone. If it has not answered yet, it
// will not: then nothing is worth waiting for.
func (c *Client) dropped() {
	if !c.unanswered() {
		c.unroute()
		c.search()
	}
}

// unanswered gives the attempt up if there was no answer, and reports whether it did.
// Another follows.
func (c *Client) unanswered() bool {
	if c.attempt == nil || c.answered {
		return false
	}
	c.route = nil
	c.attempt.abandoned = true
	c.attempt.link.Close(link.Left)
	return true
}

// unroute notes that nothing can be negotiated any more. What was said so far
// may be enough, for a while.
func (c *Client) unroute() {
	c.route = nil
	p := c.attempt
	if p == nil {
		return
	}
	c.after(answerTime, func() {
		if c.attempt == p {
			p.link.Close(link.Left)
		}
	})
}

func (c *Client) leaveRoute() {
	if c.route != nil {
		c.dropRoute(c.route)
		c.route = nil
	}
}

func (c *Client) admit(*peer) (in bool, why link.Reason) {
	return len(c.members)+c.admitted < maxMembers, link.Full
}

func (c *Client) opened(p *peer) {
	if p == c.attempt && c.cfg.ViaHost == ViaHostAllowed && p.link.Relays() {
		p.link.Carry()
	}
}

func (c *Client) connected(p *peer) {
	if p != c.attempt {
		c.mesh.connected(p)
		return
	}
	c.attempt, c.host = nil, p
	c.pause, c.trouble = searchFirst, 0
	c.leaveRoute()
	// The room lives without the signaling server from here on.
	c.closeSignaling()
}

// relays reports whether the host passes on what we and other clients say to each
// other.
func (c *Client) relays() bool {
	return c.cfg.ViaHost == ViaHostAllowed && c.host != nil && c.host.link.Relays()
}

func (c *Client) failed(p *peer, why link.Reason) {
	if p != c.attempt {
		c.mesh.failed(p, why)
		return
	}
	c.attempt = nil
	c.leaveRoute()
	if p.abandoned {
		c.search()
		return
	}
	switch why {
	case link.Removed:
		c.removed()
		return
	case link.Full:
		c.pause = searchLongest
		c.troubled(RoomFull, false, "the room %q is full; trying again until somebody leaves", c.cfg.Room)
	default:
		c.troubled(ConnectFailed, false, "no network path to the host of %q was found in %v; trying again", c.cfg.Room, c.cfg.ConnectTimeout)
	}
	c.search()
}

func (c *Client) disconnected(p *peer, why link.Reason) {
	if p != c.host {
		c.mesh.disconnected(p, why)
		return
	}
	c.host = nil
	c.mesh.hostGone()
	if c.restoring {
		c.restoring = false
		c.leaveRoute()
		c.closeSignaling()
	}
	switch why {
	case link.Removed:
		c.removed()
	case link.Local:
		c.finished = true
	default:
		c.search()
	}
}

// removed ends the search: the host does not want us.
func (c *Client) removed() {
	c.finished = true
	c.closeSignaling()
	c.troubled(RemovedByHost, true, "the host removed us from the room %q", c.cfg.Room)
}

func (c *Client) control(p *peer, m wire.Control) {
	if p != c.host {
		p.link.Violate() // only the host may say who is in the room
		return
	}
	c.mesh.control(m)
}
