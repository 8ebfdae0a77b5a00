package turn

import (
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
)

// forbidden are networks that nobody outside has a business in: relaying there
// would open what is behind the server's firewall, and the secrets that clouds
// hand to their machines (169.254.169.254, fd00:ec2::254, 100.100.100.200, and
// 168.63.129.16 of Azure). Those that netip.Addr knows by itself are not listed.
var forbidden = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // RFC 791: this network
	netip.MustParsePrefix("100.64.0.0/10"),    // RFC 6598: carriers' own
	netip.MustParsePrefix("168.63.129.16/32"), // Azure's platform
	netip.MustParsePrefix("192.0.0.0/24"),     // RFC 6890: protocol assignments
	netip.MustParsePrefix("198.18.0.0/15"),    // RFC 2544: benchmarks
	netip.MustParsePrefix("240.0.0.0/4"),      // RFC 1112: reserved, and broadcast
	netip.MustParsePrefix("64:ff9b::/96"),     // RFC 6052: IPv4 in disguise
	netip.MustParsePrefix("64:ff9b:1::/48"),   // RFC 8215
	netip.MustParsePrefix("2001::/32"),        // RFC 4380: Teredo, IPv4 in disguise
	netip.MustParsePrefix("2002::/16"),        // RFC 3056: 6to4, IPv4 in disguise
	netip.MustParsePrefix("::/96"),            // RFC 4291: IPv4-compatible
	netip.MustParsePrefix("fec0::/10"),        // RFC 3879: site-local
}

// ports notes the UDP ports of the relays, of IPv4 and of IPv6, a bit for each.
type ports [2][1 << 16 / 64]atomic.Uint64

func (p *ports) at(port int, is4 bool) (word *atomic.Uint64, bit uint64) {
	family := &p[0]
	if !is4 {
		family = &p[1]
	}
	return &family[port/64], 1 << (port % 64)
}

func (p *ports) set(port int, is4, open bool) {
	word, bit := p.at(port, is4)
	if open {
		word.Or(bit)
	} else {
		word.And(^bit)
	}
}

func (p *ports) open(port int, is4 bool) bool {
	word, bit := p.at(port, is4)
	return word.Load()&bit != 0
}

// place is where a packet of a player's goes.
type place int

const (
	elsewhere  place = iota
	otherRelay       // to a relay of this server
	beside           // to what else listens at its address, and must not be reached
)

// classify tells where a packet goes.
func (s *Server) classify(to net.Addr) place {
	peer, ok := to.(*net.UDPAddr)
	if !ok {
		return beside
	}
	a, ok := netip.AddrFromSlice(peer.IP)
	if !ok {
		return beside
	}
	a = a.Unmap()
	switch {
	case !s.isOwn(a):
		return elsewhere
	case s.ports.open(peer.Port, a.Is4()):
		return otherRelay
	case s.isAllowed(a):
		return elsewhere
	}
	return beside
}

func loopback(is4 bool) net.IP {
	if is4 {
		return net.IPv4(127, 0, 0, 1)
	}
	return net.IPv6loopback
}

func (s *Server) isOwn(a netip.Addr) bool { return slices.Contains(s.config.Relays, a) }

func (s *Server) isAllowed(a netip.Addr) bool {
	return slices.ContainsFunc(s.config.Allowed, func(p netip.Prefix) bool { return p.Contains(a) })
}

// mayReach tells whether packets may be relayed to an address. Those of the
// server's own relays always may: that is how two relayed players meet.
func (s *Server) mayReach(ip net.IP) bool {
	a, ok := netip.AddrFromSlice(ip)
	if !ok {
		return false
	}
	a = a.Unmap()
	if s.isOwn(a) || s.isAllowed(a) {
		return true
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false // loopback, link-local, multicast, unspecified; RFC 1918, RFC 4193
	}
	for _, p := range forbidden {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
