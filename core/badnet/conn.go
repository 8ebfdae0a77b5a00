package badnet

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/transport/v5"
)

// Socket is a UDP socket, with the calls that allocate nothing.
type Socket interface {
	transport.UDPConn
	ReadFromAddrPort(p []byte) (int, netip.AddrPort, error)
	WriteToAddrPort(p []byte, to netip.AddrPort) (int, error)
}

// Conn is a socket on a Network. While the network is good a datagram passes at
// the cost of two atomic reads. While it is bad, what is received waits in the
// reader's own call; what is sent waits for a goroutine that lives for as long as
// something waits, and at most until Close.
type Conn struct {
	Socket
	network *Network
	number  uint64

	receiving sync.Mutex
	in        lane
	late      atomic.Bool // something waits in it
	until     time.Time   // the reader's own deadline

	sending sync.Mutex
	out     lane
	sender  sync.WaitGroup
	runs    bool          // the sender does
	sooner  chan struct{} // the sender is to look again
	closed  bool
}

// Wrap puts a socket on the network, and owns it from then on.
func (n *Network) Wrap(s Socket) *Conn {
	return &Conn{Socket: s, network: n, number: n.sockets.Add(1), sooner: make(chan struct{}, 1)}
}

// WriteToAddrPort sends a datagram. That it is lost is no error.
func (c *Conn) WriteToAddrPort(p []byte, to netip.AddrPort) (int, error) {
	now := c.network.now.Load()
	if now == nil || now.Send == (Path{}) {
		return c.Socket.WriteToAddrPort(p, to)
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	before, waited := c.out.next()
	c.out.set(now, now.Send, 2*c.number)
	c.out.take(time.Now(), p, to)
	due, waits := c.out.next()
	switch {
	case !waits: // lost
	case !c.runs:
		c.runs = true
		c.sender.Go(c.send)
	case waited && due.Before(before):
		c.look()
	}
	return len(p), nil
}

// look makes the sender look again.
func (c *Conn) look() {
	select {
	case c.sooner <- struct{}{}:
	default:
	}
}

// send sends what waits when it is due, until nothing does.
func (c *Conn) send() {
	timer := time.NewTimer(MostDelay)
	defer timer.Stop()
	for {
		c.sending.Lock()
		due, ok := c.out.next()
		if !ok || c.closed {
			c.runs = false
			c.sending.Unlock()
			return
		}
		wait := time.Until(due)
		if wait <= 0 {
			d := c.out.pop()
			c.sending.Unlock()
			_, _ = c.Socket.WriteToAddrPort(d.data, d.addr) // an error is the network's, as any loss
			continue
		}
		c.sending.Unlock()
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-c.sooner:
		}
	}
}

// lastWords bounds how long Close may try to send what waits.
const lastWords = 100 * time.Millisecond

// Close sends what waits at once, so that goodbyes arrive, and closes the socket.
func (c *Conn) Close() error {
	c.sending.Lock()
	first := !c.closed
	c.closed = true
	c.look()
	c.sending.Unlock()
	c.sender.Wait()
	if first {
		// Pion lets deadlines pass before it closes.
		_ = c.SetWriteDeadline(time.Now().Add(lastWords))
		for _, ok := c.out.next(); ok; _, ok = c.out.next() {
			d := c.out.pop()
			_, _ = c.Socket.WriteToAddrPort(d.data, d.addr)
		}
	}
	return c.Socket.Close()
}

// ReadFromAddrPort returns the next datagram. It is for one reader at a time.
func (c *Conn) ReadFromAddrPort(p []byte) (int, netip.AddrPort, error) {
	for {
		if c.late.Load() {
			if d, ok := c.arrived(); ok {
				return copy(p, d.data), d.addr, nil
			}
		}
		n, from, err := c.Socket.ReadFromAddrPort(p)
		switch {
		case err == nil && !c.receive(p[:n], from):
			return n, from, nil
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded) || c.isOver():
			return n, from, err
		}
	}
}

// receive takes a datagram, unless the network is good.
func (c *Conn) receive(p []byte, from netip.AddrPort) bool {
	now := c.network.now.Load()
	if now == nil || now.Receive == (Path{}) {
		return false
	}
	c.receiving.Lock()
	defer c.receiving.Unlock()
	c.in.set(now, now.Receive, 2*c.number+1)
	c.in.take(time.Now(), p, from)
	_, waits := c.in.next()
	c.late.Store(waits)
	return true
}

// arrived returns what is due. If nothing is, the next read ends when it is.
func (c *Conn) arrived() (datagram, bool) {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	due, waits := c.in.next()
	if !waits || time.Until(due) > 0 {
		_ = c.arm()
		return datagram{}, false
	}
	d := c.in.pop()
	if _, waits = c.in.next(); !waits {
		c.late.Store(false)
		_ = c.arm()
	}
	return d, true
}

// isOver tells the reader's own deadline from those of arrived.
func (c *Conn) isOver() bool {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	_ = c.arm()
	return !c.until.IsZero() && time.Until(c.until) <= 0
}

// arm sets the socket's deadline. The mutex is held. It fails if the socket is
// closed, which the next read tells.
func (c *Conn) arm() error {
	until := c.until
	if due, waits := c.in.next(); waits && (until.IsZero() || due.Before(until)) {
		until = due
	}
	return c.Socket.SetReadDeadline(until)
}

// SetReadDeadline is that of the reader.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	c.until = t
	return c.arm()
}

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// ReadFrom is ReadFromAddrPort for those who know only net.PacketConn.
func (c *Conn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromAddrPort(p)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(plain(from)), nil
}

// WriteTo is WriteToAddrPort for those who know only net.PacketConn.
func (c *Conn) WriteTo(p []byte, to net.Addr) (int, error) {
	if a, ok := to.(*net.UDPAddr); ok && a != nil {
		return c.WriteToAddrPort(p, plain(a.AddrPort()))
	}
	return c.Socket.WriteTo(p, to)
}

// plain writes an IPv4 address as such.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
