// Package cutnet is the system's network for tests, but that it forgets: sockets
// that are open when it is cut send and receive nothing any more, those that are
// opened later do. So it is when a router starts anew or a machine gets another
// address.
package cutnet

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
)

// Net is the network of one member. Use New.
type Net struct {
	*stdnet.Net

	delay atomic.Int64 // of what is sent, nanoseconds; below 0: it is lost

	mu      sync.Mutex
	sockets []*socket
	extra   []net.Addr
}

// New returns the system's network, whole.
func New() (*Net, error) {
	system, err := stdnet.NewNet()
	if err != nil {
		return nil, err
	}
	return &Net{Net: system}, nil
}

// Cut ends all that is open, without a word.
func (n *Net) Cut() { n.CutSome(true, true) }

// CutAt ends the one socket that has the address, without a word.
func (n *Net) CutAt(address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.sockets {
		if s.LocalAddr().String() == address {
			s.deaf.Store(true)
			s.dumb.Store(true)
		}
	}
}

// Delay lets what is sent arrive so much later, or not at all if it is below 0, but for
// what goes to a relay.
func (n *Net) Delay(by time.Duration) { n.delay.Store(int64(by)) }

// CutSome ends one direction of all that is open, or both.
func (n *Net) CutSome(sending, receiving bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.sockets {
		s.deaf.Store(s.deaf.Load() || receiving)
		s.dumb.Store(s.dumb.Load() || sending)
	}
	if sending && receiving {
		n.sockets = nil
	}
}

// Move gives the machine one more address, or takes the last such one away. It is
// not one that could be used.
func (n *Net) Move() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.extra) > 0 {
		n.extra = nil
		return
	}
	n.extra = []net.Addr{&net.IPNet{IP: net.IPv4(192, 0, 2, 1), Mask: net.CIDRMask(24, 32)}}
}

// Interfaces returns the system's, with the address of Move.
func (n *Net) Interfaces() ([]*transport.Interface, error) {
	all, err := n.Net.Interfaces()
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.extra) == 0 {
		return all, nil
	}
	moved := transport.NewInterface(net.Interface{Index: 1 << 20, Name: "moved", Flags: net.FlagUp})
	for _, a := range n.extra {
		moved.AddAddress(a)
	}
	return append(slices.Clone(all), moved), nil
}

// ListenUDP opens a socket that Cut cuts.
func (n *Net) ListenUDP(family string, local *net.UDPAddr) (transport.UDPConn, error) {
	conn, err := net.ListenUDP(family, local)
	if err != nil {
		return nil, err
	}
	s := &socket{UDPConn: conn, net: n}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sockets = append(n.sockets, s)
	return s, nil
}

type socket struct {
	*net.UDPConn
	net        *Net
	deaf, dumb atomic.Bool
}

// ReadFromAddrPort returns the next datagram, if there may be any.
func (s *socket) ReadFromAddrPort(p []byte) (int, netip.AddrPort, error) {
	for {
		n, from, err := s.ReadFromUDPAddrPort(p)
		if err != nil || !s.deaf.Load() {
			return n, from, err
		}
	}
}

// WriteToAddrPort sends a datagram, or says so.
func (s *socket) WriteToAddrPort(p []byte, to netip.AddrPort) (int, error) {
	by := time.Duration(s.net.delay.Load())
	if s.dumb.Load() || by < 0 {
		return len(p), nil
	}
	if by > 0 {
		late := slices.Clone(p)
		time.AfterFunc(by, func() { _, _ = s.WriteToUDPAddrPort(late, to) })
		return len(p), nil
	}
	return s.WriteToUDPAddrPort(p, to)
}

// ReadFrom is ReadFromAddrPort.
func (s *socket) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := s.ReadFromAddrPort(p)
	return n, net.UDPAddrFromAddrPort(from), err
}

// WriteTo is WriteToAddrPort.
func (s *socket) WriteTo(p []byte, to net.Addr) (int, error) {
	return s.WriteToAddrPort(p, to.(*net.UDPAddr).AddrPort())
}
