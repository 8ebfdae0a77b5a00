package turn

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	pion "github.com/pion/turn/v5"
	"golang.org/x/time/rate"

	"unityp2p/internal/pionlog"
	"unityp2p/internal/steady"
)

// Server is a STUN and TURN server. Create it with Listen; Close ends it.
type Server struct {
	config      Config
	log         *slog.Logger
	observer    Observer
	players     players
	gate        gate
	ports       ports  // of the relays that there are
	permissions *tally // by client
	households  *tally // their relays
	handed      *handed
	server      *pion.Server
	sockets     []interface{ Close() error }

	address            string
	stunURLs, turnURLs []string
}

// socketBuffer is asked for: many players share the socket.
const socketBuffer = 4 << 20

// Listen starts a server. If tlsPort is not 0, players are told that they may
// come by TLS to that port as well: whoever listens there gives those
// connections to Serve.
func Listen(c Config, tlsPort int) (*Server, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		config: c, log: c.Logger, observer: c.Observer,
		players: players{
			most: c.Allocations, mostEach: c.PerPlayer,
			rate: rate.Limit(c.BytesPerSecond), by: make(map[string]*player),
		},
		permissions: newTally(mostPeers), households: newTally(c.PerAddress),
	}
	s.gate = gate{
		server: s, most: c.Allocations + spareConnections, mostEach: c.PerAddress + spareConnections, first: firstTime,
		here: make(map[ends]*conn), from: make(map[string]int),
	}
	s.handed = newHanded()
	if err := s.start(tlsPort); err != nil {
		s.closeSockets()
		return nil, err
	}
	return s, nil
}

// spareConnections are those that have no relay yet, or only ask for their
// address.
const spareConnections = 256

func (s *Server) start(tlsPort int) error {
	_, has4 := s.relayAddress(true)
	config := pion.ServerConfig{
		Realm: realm, AuthHandler: s.authenticate, LoggerFactory: pionlog.To(s.log),
		QuotaHandler: s.mayHaveOneMore,
		EventHandler: pion.EventHandler{
			OnAuth: s.authenticated, OnAllocationCreated: s.began,
			OnAllocationDeleted: func(client, _ net.Addr, _, _, _ string) { s.households.add(household(client), -1) },
			OnPermissionCreated: func(client, _ net.Addr, _, _, _ string, _ net.Addr, _ net.IP) { s.permissions.add(client.String(), 1) },
			OnPermissionDeleted: func(client, _ net.Addr, _, _, _ string, _ net.Addr, _ net.IP) { s.permissions.add(client.String(), -1) },
		},
		// Who does not say which family gets IPv4, where there is that: a client
		// of IPv6 alone could not reach one of IPv4 alone otherwise.
		StrictAddressFamily: has4,
	}
	port, err := s.listen(&config)
	for range portTries { // a free TCP port may be a taken UDP one
		if err == nil || s.config.Port != 0 {
			break
		}
		s.closeSockets()
		config.PacketConnConfigs, config.ListenerConfigs = nil, nil
		port, err = s.listen(&config)
	}
	if err != nil {
		return err
	}
	s.address = net.JoinHostPort(s.config.Host, strconv.Itoa(port))
	config.ListenerConfigs = append(config.ListenerConfigs, pion.ListenerConfig{
		Listener: &listener{s.handed, &s.gate}, RelayAddressGenerator: &relays{s}, PermissionHandler: s.permit,
	})
	s.spell(port, tlsPort)
	if s.server, err = pion.NewServer(config); err != nil {
		return fmt.Errorf("turn: %w", err)
	}
	return nil
}

// families are listened on one by one, so that each socket's own address tells
// which family its clients are of.
var families = []string{"4", "6"}

// listen opens the sockets, all with one port. A machine without one of the
// families does without it; a port that is taken in one of them is an error.
func (s *Server) listen(config *pion.ServerConfig) (port int, err error) {
	port = int(s.config.Port)
	var failed error
	for _, family := range families {
		at := net.JoinHostPort(s.config.Host, strconv.Itoa(port))
		stream, err := net.Listen("tcp"+family, at)
		if err != nil {
			if s.has(family) {
				return 0, fmt.Errorf("turn: listening on %s: %w", at, err)
			}
			failed = errors.Join(failed, err)
			continue
		}
		s.sockets = append(s.sockets, stream)
		if tcp, ok := stream.Addr().(*net.TCPAddr); ok {
			port = tcp.Port
		}
		packets, err := net.ListenPacket("udp"+family, net.JoinHostPort(s.config.Host, strconv.Itoa(port)))
		if err != nil {
			return 0, fmt.Errorf("turn: listening on %s: %w", at, err)
		}
		s.sockets = append(s.sockets, packets)
		if udp, ok := packets.(*net.UDPConn); ok {
			_ = udp.SetReadBuffer(socketBuffer)
			_ = udp.SetWriteBuffer(socketBuffer)
		}
		config.PacketConnConfigs = append(config.PacketConnConfigs, pion.PacketConnConfig{
			PacketConn: steady.Socket(packets), RelayAddressGenerator: &relays{s}, PermissionHandler: s.permit,
		})
		config.ListenerConfigs = append(config.ListenerConfigs, pion.ListenerConfig{
			Listener: &listener{steady.Listener(stream), &s.gate}, RelayAddressGenerator: &relays{s}, PermissionHandler: s.permit,
		})
	}
	if len(config.PacketConnConfigs) == 0 {
		return 0, fmt.Errorf("turn: listening: %w", failed)
	}
	return port, nil
}

// has tells whether the host has addresses of a family.
func (s *Server) has(family string) bool {
	l, err := net.Listen("tcp"+family, net.JoinHostPort(s.config.Host, "0"))
	if err == nil {
		_ = l.Close()
	}
	return err == nil
}

// Address returns where the server listens.
func (s *Server) Address() string { return s.address }

// Serve takes a connection that came elsewhere, by TLS.
func (s *Server) Serve(c net.Conn) { s.handed.give(c) }

// Close ends the server and everything that it relays.
func (s *Server) Close() {
	if err := s.server.Close(); err != nil {
		s.log.Debug("closing the TURN server", "error", err)
	}
	s.gate.close()
}

func (s *Server) closeSockets() {
	for _, c := range s.sockets {
		_ = c.Close()
	}
	s.sockets = nil
}

// permit is asked before a player may exchange packets with an address.
func (s *Server) permit(client net.Addr, peer net.IP) bool {
	switch {
	case !s.mayReach(peer):
		s.refuse(RefusedPeer)
	case s.permissions.full(client.String()):
		s.refuse(RefusedPeers)
	default:
		return true
	}
	return false
}

// mayHaveOneMore is asked before a relay begins. There are credentials for each
// socket of the signaling server, so that they alone bound nobody.
func (s *Server) mayHaveOneMore(_, _ string, client net.Addr) bool {
	if s.households.full(household(client)) {
		s.refuse(RefusedAddress)
		return false
	}
	return true
}

// began is told of a new relay, by pion.
func (s *Server) began(client, at net.Addr, _, _, _ string, _ net.Addr, _ int) {
	s.households.add(household(client), 1)
	s.gate.relays(client, at)
}

func (s *Server) refuse(why RelayRefusal) {
	s.observer.RelayRefused(why)
	s.log.Info("relaying refused", "reason", string(why))
}
