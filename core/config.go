package core

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"
	"unicode/utf16"

	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5"

	"unityp2p/core/sigclient"
	"unityp2p/core/wire"
)

// Loopback says whether 127.0.0.1 is used to reach other members. (ICE gathers
// no ::1: RFC 8445 section 5.1.1.1 leaves loopback out, pion allows the one.)
type Loopback uint32

// Ways to use loopback addresses.
const (
	LoopbackAuto    Loopback = iota // as Include if the signaling URL names this machine, else as Never
	LoopbackNever                   // only the network's addresses
	LoopbackInclude                 // both
	LoopbackOnly                    // nothing leaves this machine
)

// ViaHost says whether two clients that do not reach each other may talk through
// the room's host.
type ViaHost uint32

// What ViaHost may be.
const (
	ViaHostAllowed ViaHost = iota
	ViaHostNever           // a host: passes nothing on. A client: is not reached so
)

// Networks is a set of network types.
type Networks uint32

// The network types that ICE may use.
const (
	UDP4 Networks = 1 << iota
	UDP6
)

// ICEServer is a STUN or TURN server (RFC 7064, RFC 7065).
type ICEServer struct {
	URL        string
	Username   string
	Credential string
}

// Limits of Config fields.
const (
	MaxMessageSize    = 16 << 20 // and the default of Config.MaxMessage
	MaxUnreliableSize = 256 << 10
	minBuffer         = 64 << 10
	maxBuffer         = 256 << 20
	maxMembers        = 1024
	maxURL            = 2048
	maxTroubleText    = 512
	minViaHostRate    = 16 << 10
	maxViaHostRate    = 1 << 30
)

// DefaultICEServer is used when neither the game nor the signaling server names one.
const DefaultICEServer = "stun:stun.l.google.com:19302"

// Config is what NewHost and NewClient need. Only Signaling must be set; zero
// values mean the defaults.
type Config struct {
	Signaling  string      // ws:// or wss:// URL of the signaling server
	Room       string      // the room's name, at most 256 UTF-16 code units
	Token      string      // for the signaling server, which may want one; "": none
	TLS        *tls.Config // for wss://; nil: the system's roots
	ICEServers []ICEServer // nil: the signaling server's, else DefaultICEServer; empty but not nil: none

	// TLSPin is the SHA-256 fingerprint, as 64 hexadecimal digits, of the one
	// certificate that is trusted, whoever made it; "": TLS says what is. It
	// needs a wss:// URL.
	TLSPin string

	Loopback         Loopback
	Networks         Networks // 0: all
	PortMin, PortMax uint16   // UDP ports to use; 0: any

	MaxMessage       int // largest reliable message in bytes; default and most: 16 MiB
	SendBuffer       int // reliable bytes accepted but not yet sent, a connection; default 4 MiB
	ReceiveBuffer    int // reliable bytes not yet taken, a connection; default 2 MiB
	UnreliableBuffer int // unreliable bytes not yet taken, a connection; default 1 MiB
	MaxMembers       int // host: members beside itself; default 64, at most 1024

	ViaHost     ViaHost
	ViaHostRate int // host: bytes a second that it passes on, of all pairs together; 0: any number, else at least 16 KiB

	UnreliableMaxAge time.Duration // unreliable messages that could not leave within it are dropped; default 100 ms
	UnreachableAfter time.Duration // silence until Unreachable; default 5 s
	DisconnectAfter  time.Duration // silence until Disconnected; default 30 s
	ConnectTimeout   time.Duration // for one attempt to connect to one member; default 30 s

	Sink   Sink         // takes the events; nil: they wait for Next
	Logger *slog.Logger // nil: nothing is logged

	net       transport.Net // instead of the system's, in tests
	pin       *sigclient.Pin
	handedOut bool // ICE servers of the signaling server are used
}

// withDefaults checks the configuration and fills in what was left out.
func (c Config) withDefaults() (Config, error) {
	if len(c.Signaling) > maxURL {
		return c, fmt.Errorf("signaling URL longer than %d bytes", maxURL)
	}
	u, err := url.Parse(c.Signaling)
	if err != nil {
		return c, errors.New("the signaling URL does not parse; it should look like wss://example.org/path")
	}
	if (u.Scheme != "ws" && u.Scheme != "wss") || u.Host == "" {
		return c, errors.New("the signaling URL must begin with ws:// or wss:// and name a host")
	}
	if n := len(utf16.Encode([]rune(c.Room))); n > wire.MaxAddressUnits {
		return c, fmt.Errorf("the room name has %d UTF-16 code units; at most %d are allowed", n, wire.MaxAddressUnits)
	}
	if c.TLSPin != "" {
		if c.pin, err = sigclient.ParsePin(c.TLSPin); err != nil {
			return c, fmt.Errorf("the TLS pin is wrong: %w", err)
		}
		if u.Scheme != "wss" {
			return c, errors.New("a TLS pin needs a wss:// URL; ws:// has no certificate")
		}
	}
	if c.Loopback > LoopbackOnly {
		return c, fmt.Errorf("unknown loopback mode %d", c.Loopback)
	}
	if c.ViaHost > ViaHostNever {
		return c, fmt.Errorf("unknown via-host mode %d", c.ViaHost)
	}
	if c.ViaHostRate != 0 && (c.ViaHostRate < minViaHostRate || c.ViaHostRate > maxViaHostRate) {
		return c, fmt.Errorf("the via-host rate is %d; 0 or %d to %d are allowed", c.ViaHostRate, minViaHostRate, maxViaHostRate)
	}
	if c.Networks&^(UDP4|UDP6) != 0 {
		return c, fmt.Errorf("unknown network types %#x", uint32(c.Networks))
	}
	if c.Networks == 0 {
		c.Networks = UDP4 | UDP6
	}
	if c.PortMin > c.PortMax || (c.PortMin == 0) != (c.PortMax == 0) {
		return c, fmt.Errorf("the port range %d to %d is not a range", c.PortMin, c.PortMax)
	}
	for _, f := range []struct {
		name               string
		v                  *int
		def, least, atMost int
	}{
		{"max message", &c.MaxMessage, MaxMessageSize, 1, MaxMessageSize},
		{"send buffer", &c.SendBuffer, 4 << 20, minBuffer, maxBuffer},
		{"receive buffer", &c.ReceiveBuffer, 2 << 20, minBuffer, maxBuffer},
		{"unreliable buffer", &c.UnreliableBuffer, 1 << 20, minBuffer, maxBuffer},
		{"member limit", &c.MaxMembers, 64, 1, maxMembers},
	} {
		if *f.v == 0 {
			*f.v = f.def
		}
		if *f.v < f.least || *f.v > f.atMost {
			return c, fmt.Errorf("the %s is %d; %d to %d are allowed", f.name, *f.v, f.least, f.atMost)
		}
	}
	for _, f := range []struct {
		name       string
		v          *time.Duration
		def, least time.Duration
	}{
		{"unreliable maximum age", &c.UnreliableMaxAge, 100 * time.Millisecond, 10 * time.Millisecond},
		{"unreachable-after time", &c.UnreachableAfter, 5 * time.Second, 500 * time.Millisecond},
		{"disconnect-after time", &c.DisconnectAfter, 30 * time.Second, 500 * time.Millisecond},
		{"connect timeout", &c.ConnectTimeout, 30 * time.Second, 500 * time.Millisecond},
	} {
		if *f.v == 0 {
			*f.v = f.def
		}
		if *f.v < f.least || *f.v > time.Hour {
			return c, fmt.Errorf("the %s is %v; %v to 1 h are allowed", f.name, *f.v, f.least)
		}
	}
	if c.DisconnectAfter <= c.UnreachableAfter {
		return c, errors.New("disconnect-after must be longer than unreachable-after")
	}
	for _, s := range c.ICEServers {
		if err := s.check(); err != nil {
			return c, err
		}
	}
	if c.ICEServers == nil {
		c.ICEServers, c.handedOut = []ICEServer{{URL: DefaultICEServer}}, true
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// check refuses what could never be used. Credentials are not repeated.
func (s ICEServer) check() error {
	uri, err := stun.ParseURI(s.URL)
	if err != nil {
		return fmt.Errorf("the ICE server %q is no stun:, turn: or turns: URL: %w", s.URL, err)
	}
	relay := uri.Scheme == stun.SchemeTypeTURN || uri.Scheme == stun.SchemeTypeTURNS
	if relay && (s.Username == "" || s.Credential == "") {
		return fmt.Errorf("the TURN server %q needs a username and a credential", s.URL)
	}
	return nil
}
