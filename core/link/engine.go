package link

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5"
	"github.com/pion/webrtc/v4"

	"unityp2p/core/badnet"
	"unityp2p/core/wire"
	"unityp2p/internal/pionlog"
)

// Options are what the links of one room have in common. All fields but Net must
// be set.
type Options struct {
	Net              transport.Net // instead of the system's, in tests; nil: the system's
	ICEServers       []webrtc.ICEServer
	IncludeLoopback  bool
	OnlyLoopback     bool
	UDP4, UDP6       bool
	PortMin, PortMax uint16

	Host          bool // we host the room: said in the hello
	Relay         bool // we take part in connections that go through the host: said too
	MaxMessage    int
	MaxUnreliable int
	SendBuffer    int
	ReceiveBuffer int

	UnreliableMaxAge time.Duration // what waits for longer is not sent
	UnreachableAfter time.Duration
	DisconnectAfter  time.Duration
	ConnectTimeout   time.Duration

	Logger *slog.Logger
}

// Engine makes links. All of them use one certificate, so that the member is
// the same to everyone, and no one can take its id.
type Engine struct {
	options Options
	member  uint64
	sockets sockets

	interfaces   interfaces
	capabilities uint64 // that our hellos name

	mu     sync.Mutex
	config webrtc.Configuration
}

// NewEngine prepares what links share.
func NewEngine(o Options) (*Engine, error) {
	certificate, member, err := newCertificate()
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	capabilities := uint64(wire.CapabilityRestart | wire.CapabilityCopies)
	if o.Relay {
		capabilities |= wire.CapabilityRelay
	}
	return &Engine{
		options: o,
		config: webrtc.Configuration{
			ICEServers:   o.ICEServers,
			Certificates: []webrtc.Certificate{certificate},
		},
		member: member, capabilities: capabilities,
	}, nil
}

// Member returns our room-wide id.
func (e *Engine) Member() uint64 { return e.member }

// SetICEServers sets what the links use that begin from now on.
func (e *Engine) SetICEServers(servers []webrtc.ICEServer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.config.ICEServers = servers
}

// SetConditions makes the network of all links, now and from now on, a bad one. It
// is not for those that have Options.Net.
func (e *Engine) SetConditions(c badnet.Conditions) error { return e.sockets.bad.Set(c) }

func (e *Engine) configuration() webrtc.Configuration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.config
}

// newPeerConnection makes the link's, which looks for servers until the context
// ends.
func (l *Link) newPeerConnection(ctx context.Context) (*webrtc.PeerConnection, error) {
	e := l.engine
	net, err := e.network(ctx, l.relayWanted)
	if err != nil {
		return nil, fmt.Errorf("listing network interfaces: %w", err)
	}
	settings, err := newSettings(&e.options, net, l.asked)
	if err != nil {
		return nil, err
	}
	if n, own := net.(*network); own {
		settings.SetICEProxyDialer(&relays{n, func() []webrtc.ICEServer { return e.configuration().ICEServers }})
	}
	// No codecs and no interceptors: nobody sends sound or pictures here, and
	// they cost every connection memory and goroutines.
	return webrtc.NewAPI(
		webrtc.WithSettingEngine(settings),
		webrtc.WithMediaEngine(&webrtc.MediaEngine{}),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}),
	).NewPeerConnection(e.configuration())
}

// network returns what a link reaches others by, as it is now.
func (e *Engine) network(ctx context.Context, relay func(context.Context) error) (transport.Net, error) {
	if e.options.Net != nil {
		return e.options.Net, nil
	}
	return newNetwork(ctx, &e.sockets, relay)
}

// listed returns what knows the machine's addresses as they are now.
func (e *Engine) listed() (transport.Net, error) {
	if e.options.Net != nil {
		return e.options.Net, nil
	}
	return e.sockets.renewed()
}

// memberOf derives the room-wide id from a DER certificate.
func memberOf(der []byte) uint64 {
	sum := sha256.Sum256(der)
	return binary.BigEndian.Uint64(sum[:8])
}

func newCertificate() (webrtc.Certificate, uint64, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return webrtc.Certificate{}, 0, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return webrtc.Certificate{}, 0, err
	}
	// A game may run for weeks, and peers' clocks may be wrong: DTLS-SRTP peers
	// look at the fingerprint only (RFC 8122), but pion refuses an expired one.
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "unityp2p"},
		NotBefore:    time.Now().AddDate(0, 0, -2),
		NotAfter:     time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return webrtc.Certificate{}, 0, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return webrtc.Certificate{}, 0, err
	}
	return webrtc.CertificateFromX509(key, parsed), memberOf(der), nil
}

// Settings of pion that differ from its defaults, and why.
const (
	keepalive = 500 * time.Millisecond // ICE consent: finds a dead path soon
	rtoMax    = time.Second            // after an outage SCTP tries again within a second, not a minute

	// What may be on the way whatever was lost. The channels share one window, which
	// every loss halves: with less, lost reliable messages hold up the unreliable
	// ones. What a slow uplink takes of the reliable channel is less, see pace. With
	// 100 kB more is lost where sockets have the buffers of stock Linux.
	minWindow = 64000

	// A pair found by STUN is taken a little later than a host pair, a relayed
	// one later still, so that the better path gets the chance to win.
	srflxWait = 100 * time.Millisecond
	prflxWait = 100 * time.Millisecond
	relayWait = 400 * time.Millisecond

	// Every candidate that comes makes pion ask all pairs again, so that its usual
	// seven requests are over before a NAT on the way has opened.
	maxChecks = 60

	maxRawMessage = 256 << 10 // what we take from original peers, as browsers do
)

func newSettings(o *Options, network transport.Net, asked func(*stun.Message, ice.Candidate, ice.Candidate, *ice.CandidatePair) bool) (webrtc.SettingEngine, error) {
	s := webrtc.SettingEngine{LoggerFactory: pionlog.To(o.Logger)}
	s.SetNet(network)
	s.DetachDataChannels()
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetICETimeouts(o.UnreachableAfter, o.DisconnectAfter+o.ConnectTimeout, keepalive)
	s.SetHostAcceptanceMinWait(0)
	s.SetSrflxAcceptanceMinWait(srflxWait)
	s.SetPrflxAcceptanceMinWait(prflxWait)
	s.SetRelayAcceptanceMinWait(relayWait)
	s.SetICEMaxBindingRequests(maxChecks)
	s.SetICEBindingRequestHandler(asked)
	// The cookie of HelloVerify shows that a client's address is its own. ICE has
	// shown that already, and it costs a round trip.
	s.SetDTLSInsecureSkipHelloVerify(true)
	// The first words of SCTP travel in offer and answer (draft-hancke-tsvwg-snap),
	// which saves two round trips between those who both have it.
	s.EnableSctpSnap(true)
	s.SetSCTPRTOMax(rtoMax)
	s.SetSCTPMinCwnd(minWindow)
	s.SetSCTPMaxMessageSize(maxRawMessage)
	s.SetIncludeLoopbackCandidate(o.IncludeLoopback || o.OnlyLoopback)
	if o.OnlyLoopback {
		s.SetIPFilter(net.IP.IsLoopback)
		s.SetRemoteIPFilter(net.IP.IsLoopback)
	}
	var networks []webrtc.NetworkType
	if o.UDP4 {
		networks = append(networks, webrtc.NetworkTypeUDP4)
	}
	if o.UDP6 {
		networks = append(networks, webrtc.NetworkTypeUDP6)
	}
	s.SetNetworkTypes(networks)
	if o.PortMin != 0 {
		if err := s.SetEphemeralUDPPortRange(o.PortMin, o.PortMax); err != nil {
			return s, fmt.Errorf("port range %d to %d: %w", o.PortMin, o.PortMax, err)
		}
	}
	return s, nil
}
