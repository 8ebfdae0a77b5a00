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
}

// Ways. Through NATs the way's name depends on who sent first, and where only one
// side is behind a NAT, the other side's address is its own.
var (
	byHost   = []string{"host"}
	direct   = []string{"srflx", "prflx"}
	openPath = []string{"host", "srflx", "prflx"}
	byRelay  = []string{"relay"}
)

var pairs = []pair{
	{name: "no NAT", host: public, client: public, ice: allKinds, path: byHost},
	{name: "no NAT, full cone", host: public, client: fullCone, ice: allKinds, path: openPath},
	{name: "no NAT, address-restricted", host: public, client: addressed, ice: stunOnly, path: openPath},
	{name: "no NAT, port-restricted", host: public, client: restricted, ice: stunOnly, path: openPath},
	{name: "full cone, address-restricted", host: fullCone, client: addressed, ice: stunOnly, path: direct},
	{name: "full cone, port-restricted", host: fullCone, client: restricted, ice: stunOnly, path: direct},
	{name: "address-restricted, address-restricted", host: addressed, client: addressed, ice: stunOnly, path: direct},
	{name: "symmetric, no NAT", host: symmetric, client: public, ice: allKinds, path: openPath},
	{name: "full cone, full cone", host: fullCone, client: fullCone, ice: stunOnly, path: direct},
	{name: "port-restricted, port-restricted", host: restricted, client: restricted, ice: stunOnly, path: direct},
	{name: "port-restricted, port-restricted, TURN offered", host: restricted, client: restricted, ice: allKinds, path: direct},
	{name: "address-restricted, port-restricted", host: addressed, client: restricted, ice: stunOnly, path: direct},
	{name: "symmetric, full cone", host: symmetric, client: fullCone, ice: stunOnly, path: direct},
	{name: "full cone, symmetric", host: fullCone, client: symmetric, ice: stunOnly, path: direct},
	{name: "symmetric, address-restricted", host: symmetric, client: addressed, ice: stunOnly, path: direct},
	{name: "symmetric, port-restricted", host: symmetric, client: restricted, ice: turnUDP, path: byRelay, lone: true},
	{name: "port-restricted, symmetric", host: restricted, client: symmetric, ice: turnUDP, path: byRelay, lone: true},
	{name: "symmetric, symmetric", host: symmetric, client: symmetric, ice: turnUDP, path: byRelay, lone: true},
	{name: "one home", host: symmetric, together: true, ice: allKinds, path: byHost},
	{name: "one home, isolated, hairpin", together: true, ice: stunOnly, path: direct,
		host: netlab.Home{NAT: netlab.PortRestricted, Isolated: true, Hairpin: true}},
	{name: "one home, isolated, no hairpin", together: true, ice: turnUDP, path: byRelay, lone: true,
		host: netlab.Home{NAT: netlab.PortRestricted, Isolated: true}},
	{name: "UDP blocked, port-restricted", host: noUDP, client: restricted, ice: turnTCP, path: byRelay, lone: true},
	{name: "no NAT, UDP blocked", host: public, client: noUDP, ice: turnTCP, path: byRelay, lone: true},
	{name: "UDP blocked, UDP blocked", host: noUDP, client: noUDP, ice: turnTCP, path: byRelay, lone: true},
	{name: "symmetric, UDP blocked", host: symmetric, client: noUDP, ice: turnTCP, path: byRelay, lone: true},
	{name: "symmetric, only 443", host: symmetric, client: only443, ice: turnTLS, path: byRelay, lone: true},
	{name: "port-restricted, only 443", host: restricted, client: only443, ice: turnTLS, path: byRelay, lone: true},
	{name: "only 443, only 443, all kinds offered", host: only443, client: only443, ice: allKinds, path: byRelay, lone: true},
	{name: "IPv6, IPv6", host: onlyIPv6, client: onlyIPv6, ice: allKinds, path: byHost, family: "6"},
	{name: "dual stack, dual stack", host: dualStack, client: dualStack, ice: allKinds, path: byHost, family: "6"},
	{name: "dual stack, IPv6", host: dualStack, client: onlyIPv6, ice: allKinds, path: byHost, family: "6"},
	{name: "dual stack, port-restricted", host: dualStack, client: restricted, ice: allKinds, path: direct, family: "4"},
	{name: "IPv6, port-restricted", host: onlyIPv6, client: restricted, ice: turnUDP, path: byRelay, lone: true},
}

// Every pair that theory lets meet directly does, by the best way there is, and
// every other one by a relay.
func TestEveryPairMeets(t *testing.T) {
	for _, p := range pairs {
		t.Run(strings.ReplaceAll(p.name, "/", "-"), func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			host, client := p.players(w, rtt)
			report := w.meet(host, client, p.ice)
			if !slices.Contains(p.path, report.Link.Path) {
				t.Errorf("met by %s (%v), want one of %v", report.Link.Path, report.Link, p.path)
			}
			v6 := strings.HasPrefix(report.Link.Remote.Address, "[")
			if p.family != "" && v6 != (p.family == "6") {
				t.Errorf("met by %v, want IPv%s", report.Link, p.family)
			}
			t.Log(report)
		})
	}
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
	for _, p := range pairs {
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
