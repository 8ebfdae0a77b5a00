package turn

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// Defaults of Config.
const (
	DefaultPort           = 3478 // RFC 8656 section 16: stun and turn
	DefaultPortMin        = 49152
	DefaultPortMax        = 65535
	DefaultLifetime       = 12 * time.Hour
	DefaultAllocations    = 4096
	DefaultPerPlayer      = 256
	DefaultPerAddress     = 1024
	DefaultBytesPerSecond = 2 << 20
)

// Config is what Listen needs. Only Relays must be set; zero values mean the
// defaults.
type Config struct {
	// Host and Port are where to listen, by UDP and TCP, IPv4 and IPv6. An empty
	// host is all of this machine's addresses.
	Host string
	Port uint16 // 0: one that is free

	// Names are the host names or IP addresses under which players reach the
	// server. None: the addresses of Relays.
	Names []string
	// Relays are the addresses that relayed packets come from, as the internet
	// sees them: one of IPv4, one of IPv6, or both.
	Relays           []netip.Addr
	PortMin, PortMax uint16 // UDP ports of relays; 0: 49152 to 65535

	// Secret makes and checks credentials. None: a random one, so that they do
	// not outlive the process.
	Secret []byte
	// Lifetime is how long credentials begin new relays; default 12 h. A client
	// that has met its host lets go of the signaling server, and needs them
	// when somebody joins later. What relays already goes on.
	Lifetime time.Duration

	Allocations    int // relays at once, in all; default 4096
	PerPlayer      int // relays at once with the same credentials; default 256
	PerAddress     int // relays at once from one IP address, or /64 of IPv6; default 1024
	BytesPerSecond int // that one player's relays carry, both ways; default 2 MiB

	// Allowed are networks that may be relayed into although they are not the
	// internet's, such as 192.168.0.0/16 for a server in a LAN.
	Allowed []netip.Prefix

	Observer Observer     // nil: nobody
	Logger   *slog.Logger // nil: nothing is logged
}

// Observer hears what a server does, for metrics. Its methods are called by many
// goroutines and must not block.
type Observer interface {
	Allocations(change int)        // a relay began or ended
	Carried(bytes int)             // a packet was relayed, to or from a player
	Dropped(bytes int)             // one was not: its player's relays carry too much
	RelayRefused(why RelayRefusal) // somebody wanted something and did not get it
}

// RelayRefusal says why somebody does not get what it wants: a word for logs and
// metrics.
type RelayRefusal string

// Why somebody does not get what it wants.
const (
	RefusedCredentials RelayRefusal = "credentials" // made with another secret, or too old
	RefusedFull        RelayRefusal = "full"        // Config.Allocations
	RefusedPlayer      RelayRefusal = "player"      // Config.PerPlayer
	RefusedAddress     RelayRefusal = "address"     // Config.PerAddress
	RefusedPeer        RelayRefusal = "peer"        // the address to relay to is not allowed
	RefusedPeers       RelayRefusal = "peers"       // a relay has too many of them
	RefusedConnections RelayRefusal = "connections" // too many TCP connections
)

// RelayRefusals returns every RelayRefusal that there is.
func RelayRefusals() []RelayRefusal {
	return []RelayRefusal{
		RefusedCredentials, RefusedFull, RefusedPlayer, RefusedAddress, RefusedPeer, RefusedPeers, RefusedConnections,
	}
}

type nobody struct{}

func (nobody) Allocations(int)           {}
func (nobody) Carried(int)               {}
func (nobody) Dropped(int)               {}
func (nobody) RelayRefused(RelayRefusal) {}

func (c Config) withDefaults() (Config, error) {
	if (c.PortMin == 0) != (c.PortMax == 0) || c.PortMin > c.PortMax {
		return c, fmt.Errorf("turn: %d to %d is no range of ports", c.PortMin, c.PortMax)
	}
	if c.PortMin == 0 {
		c.PortMin, c.PortMax = DefaultPortMin, DefaultPortMax
	}
	for _, f := range []struct {
		v   *int
		def int
	}{{&c.Allocations, DefaultAllocations}, {&c.PerPlayer, DefaultPerPlayer}, {&c.PerAddress, DefaultPerAddress}, {&c.BytesPerSecond, DefaultBytesPerSecond}} {
		if *f.v == 0 {
			*f.v = f.def
		}
		if *f.v < 0 {
			return c, errors.New("turn: limits must not be negative")
		}
	}
	if c.Lifetime == 0 {
		c.Lifetime = DefaultLifetime
	}
	if len(c.Secret) == 0 {
		c.Secret = make([]byte, 32)
		_, _ = rand.Read(c.Secret) // it never fails
	}
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if len(c.Relays) == 0 {
		return c, errors.New("turn: an address to relay from is needed")
	}
	if len(c.Names) == 0 {
		for _, a := range c.Relays {
			c.Names = append(c.Names, a.String())
		}
	}
	return c, c.checkRelays()
}

func (c *Config) checkRelays() error {
	families := make(map[bool]bool)
	for _, a := range c.Relays {
		if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() {
			return fmt.Errorf("turn: %v is no address to relay from", a)
		}
		if families[a.Is4()] {
			return errors.New("turn: at most one relay address of IPv4 and one of IPv6")
		}
		families[a.Is4()] = true
	}
	return nil
}
