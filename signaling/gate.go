package signaling

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
)

// gate counts the sockets, in all and by address.
type gate struct {
	most           int
	mostPerAddress int
	privateToo     bool           // the limit per address holds for those who are not on the internet
	proxies        []netip.Prefix // whose X-Forwarded-For counts

	mu     sync.Mutex
	inside int
	from   map[netip.Addr]int
}

// enter lets a socket in and returns "", or says why not. For every one that is
// let in, leave is called.
func (g *gate) enter(from netip.Addr) Refusal {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside >= g.most {
		return RefusedConnections
	}
	if g.counts(from) {
		if g.from[from] >= g.mostPerAddress {
			return RefusedAddress
		}
		g.from[from]++
	}
	g.inside++
	return ""
}

func (g *gate) leave(from netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if !g.counts(from) {
		return
	}
	if g.from[from]--; g.from[from] == 0 {
		delete(g.from, from)
	}
}

// counts tells whether sockets from this address are counted on their own.
func (g *gate) counts(from netip.Addr) bool {
	return from.IsValid() && (g.privateToo || !near(from))
}

// near tells whether an address is not on the internet: a proxy's, or in one's
// own network. 100.64.0.0/10 is between a provider and its customers (RFC 6598).
func near(a netip.Addr) bool {
	carrier := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10)
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || carrier.Contains(a)
}

// source returns the address that a request counts for; invalid if it has none,
// such as one over a Unix socket. Behind trusted proxies it is the last address
// in X-Forwarded-For that is not a trusted proxy itself: what stands further to
// the front is whatever the client wrote there.
func (g *gate) source(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	from, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	from = from.Unmap().WithZone("")
	if !g.trusts(from) {
		return grouped(from)
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := parseHop(strings.TrimSpace(hops[i]))
		if err != nil {
			break // what is before it cannot be trusted either
		}
		from = hop
		if !g.trusts(hop) {
			break
		}
	}
	return grouped(from)
}

// parseHop reads an address, which some proxies write with a port.
func parseHop(text string) (netip.Addr, error) {
	if hop, err := netip.ParseAddrPort(text); err == nil {
		return hop.Addr().Unmap().WithZone(""), nil
	}
	hop, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return hop.Unmap().WithZone(""), err
}

func (g *gate) trusts(a netip.Addr) bool {
	for _, p := range g.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// grouped returns what stands for all addresses of one customer: a /64 of IPv6.
func grouped(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	prefix, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return prefix.Addr()
}
