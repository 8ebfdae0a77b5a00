package turn

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	pion "github.com/pion/turn/v5"

	"unityp2p/internal/steady"
)

// relays opens the sockets that relayed packets leave by. It is a
// pion.RelayAddressGenerator.
type relays struct{ server *Server }

// Validate implements pion.RelayAddressGenerator.
func (*relays) Validate() error { return nil }

var (
	errNoTCP    = errors.New("turn: only UDP is relayed")
	errNoFamily = errors.New("turn: no address of that family to relay from")
	errNoPort   = errors.New("turn: no port is free to relay from")
	errNotOurs  = errors.New("turn: the port asked for is not one to relay from")
)

// portTries is how many ports are tried. Random ones, so that nobody can guess
// the next (RFC 8656 section 7.2).
const portTries = 32

// AllocatePacketConn implements pion.RelayAddressGenerator.
func (r *relays) AllocatePacketConn(c pion.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	s := r.server
	public, ok := s.relayAddress(c.Network == "udp4")
	if !ok {
		return nil, nil, errNoFamily
	}
	who, why := s.players.begin(c.UserID)
	if why != "" {
		s.refuse(why)
		return nil, nil, errors.New("turn: " + string(why))
	}
	socket, err := s.listenRelay(c.Network, c.RequestedPort)
	if err != nil {
		s.players.end(c.UserID)
		return nil, nil, err
	}
	s.observer.Allocations(1)
	port := socket.LocalAddr().(*net.UDPAddr).Port //nolint:forcetypeassert // it is a UDP socket
	s.ports.set(port, public.Is4(), true)
	end := func() {
		s.ports.set(port, public.Is4(), false)
		s.players.end(c.UserID)
		s.observer.Allocations(-1)
	}
	return &relay{PacketConn: steady.Socket(socket), server: s, who: who, public: public.AsSlice(), end: end},
		&net.UDPAddr{IP: public.AsSlice(), Port: port}, nil
}

// AllocateListener implements pion.RelayAddressGenerator.
func (*relays) AllocateListener(pion.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errNoTCP
}

// AllocateConn implements pion.RelayAddressGenerator.
func (*relays) AllocateConn(pion.AllocateConnConfig) (net.Conn, error) { return nil, errNoTCP }

func (s *Server) relayAddress(is4 bool) (netip.Addr, bool) {
	for _, a := range s.config.Relays {
		if a.Is4() == is4 {
			return a, true
		}
	}
	return netip.Addr{}, false
}

func (s *Server) listenRelay(network string, port int) (net.PacketConn, error) {
	if port != 0 { // one that was reserved, or the next (RFC 8656 section 7.2)
		if port < int(s.config.PortMin) || port > int(s.config.PortMax) {
			return nil, errNotOurs
		}
		return net.ListenUDP(network, &net.UDPAddr{Port: port})
	}
	for range portTries {
		port = int(s.config.PortMin) + rand.IntN(int(s.config.PortMax)-int(s.config.PortMin)+1)
		if socket, err := net.ListenUDP(network, &net.UDPAddr{Port: port}); err == nil {
			return socket, nil
		}
	}
	return nil, errNoPort
}

// relay is the socket of one allocation. What its player's relays carry beyond
// the limit is dropped, as on a slow line.
type relay struct {
	net.PacketConn
	server *Server
	who    *player
	public net.IP // as the internet sees it
	once   sync.Once
	end    func()
}

// ReadFrom takes a packet that is for the player.
func (r *relay) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := r.PacketConn.ReadFrom(p)
		if err != nil {
			return n, from, err
		}
		if peer, ok := from.(*net.UDPAddr); ok && peer.IP.IsLoopback() && r.server.ports.open(peer.Port, peer.IP.To4() != nil) {
			peer.IP = r.public // another relay, see WriteTo
		}
		if r.carry(n) {
			return n, from, nil
		}
	}
}

// WriteTo sends a packet of the player's. pion asks the permission handler only
// when a permission is made; that is enough, since the answer never changes. But
// it is about addresses, and of this machine's own ports only the relays' are for
// players: what else listens here may trust whoever is inside the firewall.
//
// From one relay to another it goes by the loopback interface: where somebody
// translates this machine's addresses, a cloud or a container's network, what it
// sends to its own public one may not come back.
func (r *relay) WriteTo(p []byte, to net.Addr) (int, error) {
	switch r.server.classify(to) {
	case beside:
		r.server.refuse(RefusedPeer)
		return len(p), nil
	case otherRelay:
		peer := to.(*net.UDPAddr) //nolint:forcetypeassert // classify looked
		to = &net.UDPAddr{IP: loopback(peer.IP.To4() != nil), Port: peer.Port}
	case elsewhere:
	}
	if !r.carry(len(p)) {
		return len(p), nil
	}
	return r.PacketConn.WriteTo(p, to)
}

func (r *relay) carry(n int) bool {
	if !r.who.limit.AllowN(time.Now(), n) {
		r.server.observer.Dropped(n)
		return false
	}
	r.server.observer.Carried(n)
	return true
}

// Close ends the relay. pion would leave the others open if one gave an error.
func (r *relay) Close() error {
	r.once.Do(r.end)
	_ = r.PacketConn.Close()
	return nil
}
