package status

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// origin is where the browser found the page, and so where games find the
// server.
type origin struct {
	scheme string // ws or wss
	host   string // with the port, if it is not the scheme's own; "" if the browser did not say
}

// hosts are the Host headers that are shown. Others are nonsense or an attack;
// the template would escape them all the same.
var hosts = regexp.MustCompile(`^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$`)

// origin derives the address from the request. A proxy that ends TLS says so in
// X-Forwarded-Proto; from others that header counts for nothing, though all that
// it could spoil is what its sender is shown.
func (p *Page) origin(r *http.Request) origin {
	o := origin{scheme: "ws", host: r.Host}
	if r.TLS != nil {
		o.scheme = "wss"
	}
	if p.proxied(r) {
		switch last(r.Header.Get("X-Forwarded-Proto")) {
		case "https", "wss":
			o.scheme = "wss"
		case "http", "ws":
			o.scheme = "ws"
		}
		if host := last(r.Header.Get("X-Forwarded-Host")); host != "" {
			o.host = host
		}
	}
	if !hosts.MatchString(o.host) {
		o.host = ""
	}
	return o
}

// last returns the last of a list: what the proxy that is nearest says.
func last(list string) string {
	return strings.ToLower(strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:]))
}

// proxied tells whether the request may come from a proxy that is believed: one
// that was named, or one in a private network, as on all hosting platforms.
func (p *Page) proxied(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	from := peer.Addr().Unmap().WithZone("")
	if private(from) {
		return true
	}
	for _, prefix := range p.config.TrustedProxies {
		if prefix.Contains(from) {
			return true
		}
	}
	return false
}

// private tells whether an address is not on the internet. 100.64.0.0/10 is
// between a provider and its customers (RFC 6598).
func private(a netip.Addr) bool {
	carrier := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10)
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || carrier.Contains(a)
}

// url is what to put into the game.
func (o origin) url(path string) string {
	host := o.host
	if host == "" {
		host = "HOST"
	}
	return (&url.URL{Scheme: o.scheme, Host: host, Path: path}).String()
}

// local tells whether the address leads here only from nearby.
func (o origin) local() bool {
	host := o.host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if a, err := netip.ParseAddr(host); err == nil {
		return private(a.Unmap())
	}
	return host == "localhost" || !strings.Contains(host, ".")
}
