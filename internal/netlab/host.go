//go:build linux

package netlab

import (
	"fmt"
	"net"
)

// Host is a machine of the lab.
type Host struct {
	lab   *Lab
	name  string
	space *namespace
	ports []*Port
}

// Host adds a host with public addresses to the internet.
func (l *Lab) Host(name string, families Families) *Host {
	l.t.Helper()
	if families == 0 {
		families = IPv4
	}
	h := l.newHost(name)
	h.plug(l.internet, l.servers, families)
	return h
}

func (l *Lab) newHost(name string) *Host {
	l.t.Helper()
	space, err := l.namespace()
	if err != nil {
		l.t.Fatalf("host %s: %v", name, err)
	}
	return &Host{lab: l, name: name, space: space}
}

// Join gives the host an interface in a home, besides those that it has: a phone
// with Wi-Fi and mobile data. What it sends from no address in particular leaves
// by the first.
func (h *Host) Join(r *Router) *Port {
	h.lab.t.Helper()
	return h.plug(r.inside, r.pool, r.home.Families)
}

func (h *Host) plug(s *segment, p *pool, families Families) *Port {
	h.lab.t.Helper()
	port, err := h.lab.plug(h.space, s, fmt.Sprintf("eth%d", len(h.ports)), p, families)
	if err != nil {
		h.lab.t.Fatalf("host %s: %v", h.name, err)
	}
	h.ports = append(h.ports, port)
	return port
}

// Port returns the host's first interface.
func (h *Host) Port() *Port { return h.ports[0] }

// Ports returns all its interfaces, in the order in which it got them.
func (h *Host) Ports() []*Port { return h.ports }

// Do runs f on a thread that is in the host's network: sockets that f opens and
// processes that it starts stay there. f must not block for long, nor end the
// test; goroutines that it starts are not there.
func (h *Host) Do(f func() error) error { return h.space.do(f) }

// Listen is net.Listen on the host.
func (h *Host) Listen(network, address string) (l net.Listener, err error) {
	err = h.Do(func() error {
		l, err = net.Listen(network, address)
		return err
	})
	return l, err
}

// ListenPacket is net.ListenPacket on the host.
func (h *Host) ListenPacket(network, address string) (c net.PacketConn, err error) {
	err = h.Do(func() error {
		c, err = net.ListenPacket(network, address)
		return err
	})
	return c, err
}
