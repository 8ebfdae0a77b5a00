package signaling

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestWhomARequestCountsFor(t *testing.T) {
	g := gate{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:f::/48")}}
	for _, c := range []struct {
		remote, forwarded, want string
	}{
		{"203.0.113.7:1234", "", "203.0.113.7"},
		{"203.0.113.7:1234", "198.51.100.1", "203.0.113.7"}, // no proxy of ours
		{"10.1.2.3:1", "198.51.100.1", "198.51.100.1"},
		{"10.1.2.3:1", "198.51.100.1, 10.9.9.9", "198.51.100.1"},             // two of ours
		{"10.1.2.3:1", "192.0.2.66, 198.51.100.1, 10.9.9.9", "198.51.100.1"}, // what the client made up
		{"10.1.2.3:1", "198.51.100.1:4567", "198.51.100.1"},                  // with a port
		{"10.1.2.3:1", "[2001:db8:1:2:3::4]:99", "2001:db8:1:2::"},           // a whole /64
		{"10.1.2.3:1", "198.51.100.1, nonsense", "10.1.2.3"},                 // nobody else to blame
		{"10.1.2.3:1", "198.51.100.1, nonsense, 10.4.4.4", "10.4.4.4"},       // nor here
		{"10.1.2.3:1", "", "10.1.2.3"},                                       // the proxy itself
		{"[::ffff:203.0.113.7]:1", "", "203.0.113.7"},                        // IPv4 on an IPv6 socket
		{"[2001:db8:f::1]:1", "2001:db8:0:1::1", "2001:db8:0:1::"},           //
		{"[fe80::1%eth0]:1", "", "fe80::"},                                   //
		{"@", "198.51.100.1", "invalid IP"},                                  // a Unix socket
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{}}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := g.source(r).String(); got != c.want {
			t.Errorf("%s forwarded for %q counts for %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
}

func TestTheGateCounts(t *testing.T) {
	near, far, other := netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("203.0.113.8")
	g := gate{most: 5, mostPerAddress: 2, from: make(map[netip.Addr]int)}
	for i, c := range []struct {
		from netip.Addr
		want Refusal
	}{
		{near, ""}, {near, ""}, {far, ""}, {far, ""}, {far, RefusedAddress}, {other, ""}, {other, RefusedConnections}, {near, RefusedConnections},
	} {
		if got := g.enter(c.from); got != c.want {
			t.Errorf("%d: %v: got %q, want %q", i, c.from, got, c.want)
		}
	}
	g.leave(far)
	if got := g.enter(far); got != "" {
		t.Errorf("there is room again, but %q", got)
	}
	for _, from := range []netip.Addr{near, near, far, far, other} {
		g.leave(from)
	}
	if g.inside != 0 || len(g.from) != 0 {
		t.Errorf("all are gone, but %d, %v", g.inside, g.from)
	}
	g.privateToo = true
	g.enter(near)
	g.enter(near)
	if got := g.enter(near); got != RefusedAddress {
		t.Errorf("a limit that was set also holds in one's own network: %q", got)
	}
}
