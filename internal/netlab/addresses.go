//go:build linux

package netlab

import (
	"net/netip"
	"sync"
)

// Families are the kinds of addresses that something has.
type Families uint8

// The families, to be combined. 0 means IPv4 where Families are asked for.
const (
	IPv4 Families = 1 << iota
	IPv6
	DualStack = IPv4 | IPv6
)

func familyOf(a netip.Addr) Families {
	if a.Is6() {
		return IPv6
	}
	return IPv4
}

// servers4 has the IPv4 addresses of hosts on the internet. Routers have others.
const servers4 = "203.0.113.0/25"

// pool hands out addresses, each once.
type pool struct {
	v4, v6 netip.Prefix

	mu           sync.Mutex
	last4, last6 netip.Addr
}

func newPool(v4, v6 string) *pool {
	p := &pool{v4: netip.MustParsePrefix(v4), v6: netip.MustParsePrefix(v6)}
	p.last4, p.last6 = p.v4.Addr(), p.v6.Addr()
	return p
}

func (p *pool) take(families Families) []netip.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	var addresses []netip.Addr
	if families&IPv4 != 0 {
		p.last4 = p.last4.Next()
		addresses = append(addresses, p.last4)
	}
	if families&IPv6 != 0 {
		p.last6 = p.last6.Next()
		addresses = append(addresses, p.last6)
	}
	return addresses
}

// bits returns the length of the prefix that the address is in.
func (p *pool) bits(a netip.Addr) int {
	if a.Is6() {
		return p.v6.Bits()
	}
	return p.v4.Bits()
}
