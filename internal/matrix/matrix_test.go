//go:build linux

package matrix

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"unityp2p/internal/netlab"
)

// Homes, by what players call them.
var (
	public     = netlab.Home{NAT: netlab.NoNAT, Firewall: netlab.Open}
	fullCone   = netlab.Home{NAT: netlab.FullCone}
	addressed  = netlab.Home{NAT: netlab.AddressRestricted}
	restricted = netlab.Home{NAT: netlab.PortRestricted}
	symmetric  = netlab.Home{NAT: netlab.Symmetric}
	noUDP      = netlab.Home{NAT: netlab.PortRestricted, Firewall: netlab.NoUDP}
	only443    = netlab.Home{NAT: netlab.PortRestricted, Firewall: netlab.Only443}
	onlyIPv6   = netlab.Home{Families: netlab.IPv6}
	dualStack  = netlab.Home{NAT: netlab.PortRestricted, Families: netlab.DualStack}
)

// pair is two players.
type pair struct {
	name         string
	host, client netlab.Home
	together     bool     // in one home, the host's
	ice          []string // more than STUN where that does not do
	path         []string // any of these
	family       string   // "4" or "6", "": any
	lone         bool     // STUN alone does not do
	cell         *cell    // of the table, if it is there
}

// cell is a place in the table: the numbers of the two sides.
type cell struct{ row, column int }

// Ways. Through NATs the way's name depends on who sent first, and where only one
// side is behind a NAT, the other side's address is its own.
var (
	byHost   = []string{"host"}
	direct   = []string{"srflx", "prflx"}
	openPath = []string{"host", "srflx", "prflx"}
	byRelay  = []string{"relay"}
)

// sides are what players sit behind: the table of docs/networks.md. All but the last
// two, which let no UDP out, are a row of it.
var sides = []struct {
	name string
	home netlab.Home
}{
	{"no NAT", public}, {"full cone", fullCone}, {"address-restricted", addressed},
	{"port-restricted", restricted}, {"symmetric", symmetric}, {"no UDP", noUDP}, {"only port 443", only443},
}

const rows = 5

// cells are the pairs of that table, each with the least help that does.
func cells() []pair {
	var all []pair
	for i, a := range sides[:rows] {
		for j, b := range sides[i:] {
			p := pair{
				name: a.name + ", " + b.name, host: a.home, client: b.home, cell: &cell{i, i + j},
				ice: stunOnly, path: openPath,
			}
			switch {
			case b.home == noUDP:
				p.ice, p.path, p.lone = turnTCP, byRelay, true
			case b.home == only443:
				p.ice, p.path, p.lone = turnTLS, byRelay, true
			case b.home == symmetric && (a.home == restricted || a.home == symmetric):
				p.ice, p.path, p.lone = turnUDP, byRelay, true
			case b.home == public:
				p.path = byHost
			case a.home != public:
				p.path = direct
			}
			all = append(all, p)
		}
	}
	return all
}

// pairs are those that the table does not have: with more help than is needed, the
// other way round, and what it has no word for.
var pairs = []pair{
	{name: "no NAT, all kinds offered", host: public, client: public, ice: allKinds, path: byHost},
	{name: "no NAT, full cone, all kinds offered", host: public, client: fullCone, ice: allKinds, path: openPath},
	{name: "symmetric, no NAT, all kinds offered", host: symmetric, client: public, ice: allKinds, path: openPath},
	{name: "port-restricted, port-restricted, all kinds offered", host: restricted, client: restricted, ice: allKinds, path: direct},
	{name: "symmetric, full cone", host: symmetric, client: fullCone, ice: stunOnly, path: direct},
	{name: "symmetric, address-restricted", host: symmetric, client: addressed, ice: stunOnly, path: direct},
	{name: "symmetric, port-restricted", host: symmetric, client: restricted, ice: turnUDP, path: byRelay, lone: true},
	{name: "one home", host: symmetric, together: true, ice: allKinds, path: byHost},
	{name: "one home, isolated, hairpin", together: true, ice: stunOnly, path: direct,
		host: netlab.Home{NAT: netlab.PortRestricted, Isolated: true, Hairpin: true}},
	{name: "one home, isolated, no hairpin", together: true, ice: turnUDP, path: byRelay, lone: true,
		host: netlab.Home{NAT: netlab.PortRestricted, Isolated: true}},
	{name: "no UDP, port-restricted", host: noUDP, client: restricted, ice: turnTCP, path: byRelay, lone: true},
	{name: "no UDP, no UDP", host: noUDP, client: noUDP, ice: turnTCP, path: byRelay, lone: true},
	{name: "only 443, only 443, all kinds offered", host: only443, client: only443, ice: allKinds, path: byRelay, lone: true},
	{name: "IPv6, IPv6", host: onlyIPv6, client: onlyIPv6, ice: allKinds, path: byHost, family: "6"},
	{name: "dual stack, dual stack", host: dualStack, client: dualStack, ice: allKinds, path: byHost, family: "6"},
	{name: "dual stack, IPv6", host: dualStack, client: onlyIPv6, ice: allKinds, path: byHost, family: "6"},
	{name: "dual stack, port-restricted", host: dualStack, client: restricted, ice: allKinds, path: direct, family: "4"},
	{name: "IPv6, port-restricted", host: onlyIPv6, client: restricted, ice: turnUDP, path: byRelay, lone: true},
}

// Every pair that theory lets meet directly does, by the best way there is, and
// every other one by a relay: the first table of docs/networks.md.
func TestEveryPairMeets(t *testing.T) {
	var table reach
	t.Run("pairs", func(t *testing.T) {
		for _, p := range append(cells(), pairs...) {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				var report meeting
				// A machine that has no time for us may let a worse way be first.
				for range 3 {
					if report = p.at(t, rtt); p.right(report) {
						break
					}
				}
				if !p.right(report) {
					t.Errorf("met by %v, want one of %v (IPv%s)", report, p.path, p.family)
				}
				t.Log(report)
				table.set(&p, report)
			})
		}
	})
	t.Logf("who reaches whom:\n\n%v", &table)
	if table.pairs == len(cells()) {
		inTheDocument(t, table.String())
	}
}

// right reports whether two players met as they should.
func (p *pair) right(m meeting) bool {
	v6 := strings.HasPrefix(m.Link.Remote.Address, "[")
	return slices.Contains(p.path, m.Link.Path) && (p.family == "" || v6 == (p.family == "6"))
}

// players builds the two homes.
func (p *pair) players(w *town, rtt time.Duration) (host, client *netlab.Host) {
	home := w.home("host's", p.host, rtt)
	host = home.Host("host")
	if p.together {
		return host, home.Host("client")
	}
	return host, w.home("client's", p.client, rtt).Host("client")
}

// meeting is what came of two players.
type meeting struct {
	line
	signaling float64 // milliseconds from the client's start to the link's
	bytes     uint64  // through the signaling server, all of IP and TCP included
}

func (m meeting) String() string {
	return fmt.Sprintf("%s (%s %s - %s %s) in %.0f ms, signaling before it %.0f ms and %d bytes",
		m.Link.Path, m.Link.Local.Type, m.Link.Local.Address, m.Link.Remote.Type, m.Link.Remote.Address,
		m.Link.Connecting, m.signaling, m.bytes)
}

// meet lets two players meet, and a message each way through what they have.
func (w *town) meet(host, client *netlab.Host, ice []string, more ...string) meeting {
	w.Helper()
	h := w.start(host, "host", "lobby", ice, more...)
	expect(w.T, h, "open")
	before := w.signalingBytes()
	c := w.start(client, "join", "lobby", ice, more...)
	m := meeting{line: expect(w.T, c, "connected")}
	m.bytes = w.signalingBytes() - before
	m.signaling = m.After - m.Link.Connecting
	expect(w.T, h, "connected")
	c.Say("from the client")
	if got := expect(w.T, h, "message"); got.Text != "from the client" {
		w.Errorf("the host heard %q", got.Text)
	}
	h.Say("from the host")
	if got := expect(w.T, c, "message"); got.Text != "from the host" {
		w.Errorf("the client heard %q", got.Text)
	}
	// What they have now, should it have become better since.
	c.Say("/stats")
	m.Link.Path, m.Link.Local, m.Link.Remote = w.current(c)
	c.Say("/quit")
	expect(w.T, h, "disconnected")
	h.Say("/quit")
	return m
}

func (w *town) current(p *netlab.Process) (path string, local, remote struct{ Type, Address string }) {
	l := expect(w.T, p, "stats").Link
	return l.Path, l.Local, l.Remote
}

func (w *town) signalingBytes() uint64 {
	up, down := w.signaling.Port().Counters()
	return up.Bytes + down.Bytes
}

// hopeless is how long players try who cannot meet. Checks that could succeed
// have done so by then: those who can meet do within a second.
const hopeless = 5 * time.Second

// Where theory says that STUN alone does not do, it does not. All try at a time.
func TestSTUNAloneDoesNotDoEverywhere(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	clients := map[string]*netlab.Process{}
	for _, p := range append(cells(), pairs...) {
		if !p.lone {
			continue
		}
		host, client := p.players(w, rtt)
		expect(t, w.start(host, "host", p.name, stunOnly), "open")
		clients[p.name] = w.start(client, "join", p.name, stunOnly)
	}
	ctx, cancel := context.WithTimeout(context.Background(), hopeless)
	defer cancel()
	for name, c := range clients {
		if line, err := c.Await(ctx, `"connected"`); err == nil {
			t.Errorf("%s: met by STUN alone, which no theory explains: %s", name, line)
		}
	}
}
