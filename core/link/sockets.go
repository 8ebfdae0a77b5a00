package link

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"

	"unityp2p/core/badnet"
)

// sockets is where links get their network from. The zero value is ready.
type sockets struct {
	mu     sync.Mutex
	known  *stdnet.Net
	listed time.Time

	bad badnet.Network // what lies behind all of them
}

// fresh is how long a list of the network interfaces may be used: a phone or
// laptop may have moved since. Links that begin together, when somebody joins,
// share one.
const fresh = time.Second

// current returns the network as it is now.
func (s *sockets) current() (*stdnet.Net, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known != nil && time.Since(s.listed) < fresh {
		return s.known, nil
	}
	return s.list()
}

// renewed is current, and not a moment old.
func (s *sockets) renewed() (*stdnet.Net, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list()
}

func (s *sockets) list() (*stdnet.Net, error) {
	n, err := stdnet.NewNet()
	if err != nil {
		return nil, err
	}
	s.known, s.listed = n, time.Now()
	return n, nil
}

// network is pion's, for one link, with larger socket buffers, and with an end:
// what looks for a server that does not answer gives up with the link. Pion, when
// it closes, waits for that, and the system tries for two minutes.
//
// Every link has sockets of its own: a mux would route by remote address and mix
// up two links between the same two machines.
type network struct {
	*stdnet.Net
	ctx     context.Context             // the link's
	relay   func(context.Context) error // waits until a relay is wanted
	sockets *sockets                    // the engine's
}

func newNetwork(ctx context.Context, s *sockets, relay func(context.Context) error) (*network, error) {
	system, err := s.current()
	if err != nil {
		return nil, err
	}
	return &network{system, ctx, relay, s}, nil
}

// Interfaces returns those that there are now: a path may be made anew because they
// changed.
func (n *network) Interfaces() ([]*transport.Interface, error) {
	system, err := n.sockets.current()
	if err != nil {
		return nil, err
	}
	return system.Interfaces()
}

// only6 reports whether this machine has no IPv4.
func (n *network) only6() bool {
	interfaces, err := n.Interfaces()
	if err != nil {
		return false
	}
	var have4, have6 bool
	for _, i := range interfaces {
		addresses, err := i.Addrs()
		if err != nil {
			continue // it has none
		}
		for _, a := range addresses {
			if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
				have4 = have4 || n.IP.To4() != nil
				have6 = have6 || n.IP.To4() == nil
			}
		}
	}
	return have6 && !have4
}

// ListenUDP opens a socket. Smaller buffers than asked for are no error.
func (n *network) ListenUDP(family string, local *net.UDPAddr) (transport.UDPConn, error) {
	conn, err := net.ListenUDP(family, local)
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(socketBuffer)
	_ = conn.SetWriteBuffer(socketBuffer)
	return n.sockets.bad.Wrap(&socket{UDPConn: conn}), nil
}

// ListenPacket opens a socket for a TURN server, which is all that pion opens so.
func (n *network) ListenPacket(family, address string) (net.PacketConn, error) {
	if err := n.relay(n.ctx); err != nil {
		return nil, err
	}
	var config net.ListenConfig
	conn, err := config.ListenPacket(n.ctx, family, address)
	if err != nil {
		return nil, err
	}
	if udp, ok := conn.(*net.UDPConn); ok {
		conn = n.sockets.bad.Wrap(&socket{UDPConn: udp})
	}
	conn = openSocket{conn, newPermissions(n.ctx)}
	if n.only6() {
		return relayed4{conn}, nil
	}
	return conn, nil
}

// ResolveUDPAddr finds a STUN or TURN server.
func (n *network) ResolveUDPAddr(family, address string) (*net.UDPAddr, error) {
	a, err := n.resolve(family, address)
	if err != nil {
		return nil, err
	}
	return net.UDPAddrFromAddrPort(a), nil
}

// resolve finds an address of the family at the end of the network's name, "4" or
// "6".
func (n *network) resolve(family, address string) (netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := net.DefaultResolver.LookupPort(n.ctx, family, service)
	if err != nil {
		return netip.AddrPort{}, err
	}
	ipFamily := "ip" + strings.TrimLeft(family, "udtcp")
	all, err := net.DefaultResolver.LookupNetIP(n.ctx, ipFamily, host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(all[0].Unmap(), uint16(port)), nil
}
