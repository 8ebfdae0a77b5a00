//go:build linux

package netlab

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
)

// Port is an interface of a host or router, and the wire that is plugged into it.
// Its methods may be called while traffic flows, by any goroutine.
type Port struct {
	lab     *Lab
	space   *namespace
	segment *segment
	name    string // of the interface
	number  int    // in the lab: names the routing table
	file    *os.File
	up      *lane // from the interface
	down    *lane // to it
	pool    *pool
	gateway bool // a router's own side of a home

	mu        sync.Mutex
	addresses []netip.Addr
}

// plug adds an interface with addresses of the pool to a namespace and joins it
// to a segment.
func (l *Lab) plug(space *namespace, s *segment, name string, p *pool, families Families) (*Port, error) {
	file, err := space.tun(name)
	if err != nil {
		return nil, err
	}
	port := &Port{
		lab: l, space: space, segment: s, name: name, number: l.number(), file: file,
		pool: p, gateway: name == homeName,
	}
	port.up = newLane(port.seed(1), func(packet []byte) bool { return s.forward(port, packet) })
	port.down = newLane(port.seed(2), func(packet []byte) bool {
		_, err := file.Write(packet)
		return err == nil
	})
	l.wires.Go(port.read)
	l.wires.Go(func() { port.up.run(l.stop) })
	l.wires.Go(func() { port.down.run(l.stop) })
	l.opened(file)
	return port, port.address(p.take(families))
}

func (p *Port) seed(direction uint64) *rand.Rand {
	return rand.New(rand.NewPCG(p.lab.seed, uint64(p.number)<<8|direction))
}

// read takes packets from the interface until it is closed.
func (p *Port) read() {
	for {
		packet := make([]byte, maxPacket)
		n, err := p.file.Read(packet)
		if err != nil {
			return
		}
		p.up.take(packet[:n])
	}
}

// address gives the interface these addresses instead of those that it has.
func (p *Port) address(fresh []netip.Addr) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := []string{"link set " + p.name + " addrgenmode none", "addr flush dev " + p.name}
	if p.addresses == nil {
		lines = lines[:1]
	}
	lines = append(lines, "link set "+p.name+" up")
	for _, a := range fresh {
		lines = append(lines, fmt.Sprintf("addr add %s/%d dev %s%s", a, p.pool.bits(a), p.name, nodad(a)))
	}
	if err := p.space.ip(DualStack, lines...); err != nil {
		return err
	}
	old := p.addresses
	p.segment.place(p, old, fresh)
	p.addresses = fresh
	return p.route(old)
}

func nodad(a netip.Addr) string {
	if a.Is6() {
		return " nodad"
	}
	return ""
}

// route makes packets from the interface's addresses leave by it, whichever
// other interfaces there are, and those from no address in particular by the
// interface that was there first.
func (p *Port) route(old []netip.Addr) error {
	if p.gateway {
		return nil // the prefix is enough
	}
	for _, f := range []Families{IPv4, IPv6} {
		var lines []string
		for _, a := range old {
			if familyOf(a) == f {
				lines = append(lines, fmt.Sprintf("rule del from %s lookup %d", a, 100+p.number))
			}
		}
		for _, a := range p.addresses {
			if familyOf(a) == f {
				lines = append(lines,
					fmt.Sprintf("route replace default dev %s metric %d", p.name, 100+p.number),
					fmt.Sprintf("route replace default dev %s table %d", p.name, 100+p.number),
					fmt.Sprintf("rule add from %s lookup %d", a, 100+p.number))
			}
		}
		if err := p.space.ip(f, lines...); err != nil {
			return err
		}
	}
	return nil
}

// Set puts both directions of the wire under the same conditions.
func (p *Port) Set(c Conditions) {
	p.up.set(c)
	p.down.set(c)
}

// SetUp puts the way from the interface under conditions.
func (p *Port) SetUp(c Conditions) { p.up.set(c) }

// SetDown puts the way to the interface under conditions.
func (p *Port) SetDown(c Conditions) { p.down.set(c) }

// Conditions returns those of the way from the interface and to it.
func (p *Port) Conditions() (up, down Conditions) {
	return p.up.conditions(), p.down.conditions()
}

// Darken lets nothing pass until the function that it returns is called, which
// restores what was. Nobody is told: it is a wire that someone dug up.
func (p *Port) Darken() (restore func()) {
	up, down := p.Conditions()
	darkUp, darkDown := up, down
	darkUp.Dark, darkDown.Dark = true, true
	p.SetUp(darkUp)
	p.SetDown(darkDown)
	return func() {
		p.SetUp(up)
		p.SetDown(down)
	}
}

// Counters returns what happened on the way from the interface and to it.
func (p *Port) Counters() (up, down Counters) { return p.up.count(), p.down.count() }

// Unplug takes the interface down: the system knows, its addresses stay but are
// of no use, its routes are gone, and a router forgets what it masqueraded there.
func (p *Port) Unplug() { p.lab.check(p.space.ip(DualStack, "link set "+p.name+" down")) }

// Plug is the reverse of Unplug. IPv6 addresses, which the system took away, are
// there again too.
func (p *Port) Plug() {
	p.mu.Lock()
	addresses := p.addresses
	p.mu.Unlock()
	p.lab.check(p.address(addresses))
}

// Move gives the interface new addresses of the same families, at once: what was
// bound to the old ones cannot send any more.
func (p *Port) Move() {
	p.mu.Lock()
	var families Families
	for _, a := range p.addresses {
		families |= familyOf(a)
	}
	p.mu.Unlock()
	p.lab.check(p.address(p.pool.take(families)))
}

// Addr4 returns the interface's IPv4 address, the zero Addr if it has none.
func (p *Port) Addr4() netip.Addr { return p.addr(IPv4) }

// Addr6 returns the interface's IPv6 address, the zero Addr if it has none.
func (p *Port) Addr6() netip.Addr { return p.addr(IPv6) }

func (p *Port) addr(f Families) netip.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.addresses {
		if familyOf(a) == f {
			return a
		}
	}
	return netip.Addr{}
}
