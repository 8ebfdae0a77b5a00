//go:build linux

package netlab

import (
	"fmt"
	"net/netip"
	"time"
)

// Router is a home's router, and the home's network behind it.
type Router struct {
	lab    *Lab
	name   string
	home   Home
	space  *namespace
	inside *segment
	pool   *pool // of the home
	uplink *Port
}

// Router adds a home to the internet.
func (l *Lab) Router(name string, home Home) *Router {
	l.t.Helper()
	if home.Families == 0 {
		home.Families = IPv4
	}
	r, err := l.newRouter(name, home)
	if err != nil {
		l.t.Fatalf("router %s: %v", name, err)
	}
	return r
}

func (l *Lab) newRouter(name string, home Home) (*Router, error) {
	space, err := l.namespace()
	if err != nil {
		return nil, err
	}
	number := l.number()
	v4 := fmt.Sprintf("192.168.%d.0/24", number)
	if home.NAT == NoNAT {
		v4 = fmt.Sprintf("198.18.%d.0/24", number)
	}
	v6 := fmt.Sprintf("2001:db8:%x::/64", number)
	r := &Router{
		lab: l, name: name, home: home, space: space,
		inside: newSegment(), pool: newPool(v4, v6),
	}
	r.inside.isolated = home.Isolated
	if err := space.forward(); err != nil {
		return nil, err
	}
	if r.uplink, err = l.plug(space, l.internet, uplinkName, l.uplinks, home.Families); err != nil {
		return nil, err
	}
	if err := r.open(); err != nil {
		return nil, err
	}
	if home.Families&IPv6 != 0 {
		l.internet.placePrefix(r.uplink, netip.MustParsePrefix(v6))
	}
	if home.NAT == NoNAT {
		l.internet.placePrefix(r.uplink, netip.MustParsePrefix(v4))
	}
	return r, space.nft(home.rules(r.uplink.Addr4().String()))
}

// open adds the router's own interface in its home.
func (r *Router) open() error {
	gateway, err := r.lab.plug(r.space, r.inside, homeName, r.pool, r.home.Families)
	if err == nil {
		r.inside.placeGateway(gateway)
	}
	return err
}

// Uplink returns the router's wire to the internet.
func (r *Router) Uplink() *Port { return r.uplink }

// Host adds a host to the home.
func (r *Router) Host(name string) *Host {
	r.lab.t.Helper()
	h := r.lab.newHost(name)
	h.Join(r)
	return h
}

// Reboot is a router that is off for so long, and has forgotten all mappings
// when it is back. Its addresses stay.
func (r *Router) Reboot(off time.Duration) {
	r.uplink.Unplug()
	select {
	case <-time.After(off):
	case <-r.lab.stop:
	}
	r.Forget()
	r.uplink.Plug()
}

// Forget loses all mappings, as happens after too long a silence or in a router
// whose table is full. What is sent next gets new ones.
func (r *Router) Forget() { r.lab.check(r.space.forget(netip.Addr{})) }

// ForgetAbout loses the mappings for what is sent to an IPv4 address, and leaves
// all others alone.
func (r *Router) ForgetAbout(to netip.Addr) { r.lab.check(r.space.forget(to)) }

// Refuse lets nothing pass between the home and an address on the internet, from
// now on, and tells nobody.
func (r *Router) Refuse(address netip.Addr) {
	family := "ip"
	if address.Is6() {
		family = "ip6"
	}
	r.lab.check(r.space.nft(fmt.Sprintf(`
insert rule %[1]s firewall forward %[1]s daddr %[2]s drop
insert rule %[1]s firewall forward %[1]s saddr %[2]s drop`, family, address)))
}

// Move gives the router a new public address, as some providers do each night.
// All mappings go with the old one.
func (r *Router) Move() {
	r.uplink.Move()
	if r.home.Hairpin {
		r.lab.check(r.space.nft("delete table ip translation\n" + r.home.translation(r.uplink.Addr4().String())))
	}
	r.Forget()
}
