package turn

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of TCP and TLS connections. Players without UDP have one for each relay.
const (
	firstTime = 10 * time.Second // until there is a relay; a question takes no longer
	quietTime = 12 * time.Minute // no client lets a relay (10 min) go without a word
	writeTime = 10 * time.Second
)

// gate bounds how many connections there are, and ends all of them in the end:
// pion forgets those that it has accepted.
type gate struct {
	server         *Server
	most, mostEach int           // in all, and from one address
	first          time.Duration // firstTime

	mu     sync.Mutex
	closed bool
	here   map[ends]*conn
	from   map[string]int // by household
}

// ends tell a connection from all others.
type ends struct{ remote, local string }

func endsOf(remote, local net.Addr) ends { return ends{remote.String(), local.String()} }

// admit takes a connection. It returns nil, and closes c, if there are too many.
func (g *gate) admit(c net.Conn) *conn {
	admitted := &conn{Conn: c, gate: g, ends: endsOf(c.RemoteAddr(), c.LocalAddr()), address: household(c.RemoteAddr())}
	switch in, closed := g.enter(admitted); {
	case in:
		_ = c.SetDeadline(time.Now().Add(g.first))
		return admitted
	case !closed:
		g.server.refuse(RefusedConnections)
	}
	_ = c.Close()
	return nil
}

func (g *gate) enter(c *conn) (in, closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || len(g.here) >= g.most || g.from[c.address] >= g.mostEach {
		return false, g.closed
	}
	g.here[c.ends] = c
	g.from[c.address]++
	return true, false
}

// relays notes that a connection has a relay: it may stay. Those of strangers
// are as short however often they say something.
func (g *gate) relays(remote, local net.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c := g.here[endsOf(remote, local)]; c != nil {
		c.relays.Store(true)
		_ = c.Conn.SetReadDeadline(time.Now().Add(quietTime))
	}
}

func (g *gate) leave(c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.here[c.ends] != c {
		return
	}
	delete(g.here, c.ends)
	if g.from[c.address]--; g.from[c.address] == 0 {
		delete(g.from, c.address)
	}
}

func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	here := g.here
	g.here, g.from = nil, nil
	g.mu.Unlock()
	var closing sync.WaitGroup // TLS says goodbye, which takes a while if nobody listens
	for _, c := range here {
		closing.Go(func() { _ = c.Conn.Close() })
	}
	closing.Wait()
}

// listener gives pion only those connections that the gate admits.
type listener struct {
	net.Listener
	gate *gate
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if admitted := l.gate.admit(c); admitted != nil {
			return admitted, nil
		}
	}
}

// conn is one connection.
type conn struct {
	net.Conn
	gate    *gate
	ends    ends
	address string
	relays  atomic.Bool
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil && c.relays.Load() {
		_ = c.Conn.SetReadDeadline(time.Now().Add(quietTime))
	}
	return n, err
}

// Write implements net.Conn. One that takes nothing is closed: pion's relays
// would wait for it.
func (c *conn) Write(p []byte) (int, error) {
	_ = c.Conn.SetWriteDeadline(time.Now().Add(writeTime))
	n, err := c.Conn.Write(p)
	if err != nil {
		_ = c.Conn.Close()
	}
	return n, err
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.gate.leave(c)
	return c.Conn.Close()
}
