//go:build linux

package netlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// socket is a UDP socket on a host that remembers nothing.
type socket struct {
	t *testing.T
	net.PacketConn
}

func open(t *testing.T, h *Host) socket {
	t.Helper()
	c, err := h.ListenPacket("udp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return socket{t, c}
}

func (s socket) port() uint16 {
	return netip.MustParseAddrPort(s.LocalAddr().String()).Port()
}

func (s socket) send(to netip.AddrPort, text string) {
	s.t.Helper()
	if _, err := s.WriteTo([]byte(text), net.UDPAddrFromAddrPort(to)); err != nil {
		s.t.Fatal(err)
	}
}

// receive returns what came and from where.
func (s socket) receive(within time.Duration) (string, netip.AddrPort, bool) {
	s.t.Helper()
	_ = s.SetReadDeadline(time.Now().Add(within))
	b := make([]byte, 2000)
	n, from, err := s.ReadFrom(b)
	if err != nil {
		return "", netip.AddrPort{}, false
	}
	a := netip.MustParseAddrPort(from.String())
	return string(b[:n]), netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), true
}

// sendUpTo sends and waits until the packet has reached the interface, which is
// on its way.
func (s socket) sendUpTo(p *Port, to netip.AddrPort, text string) {
	s.t.Helper()
	before := p.down.count().Packets
	s.send(to, text)
	for end := time.Now().Add(patience); p.down.count().Packets == before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("nothing reached %v", p.Addr4())
		}
	}
}

// hears reports whether a packet to an address gets in by an interface and
// reaches the socket. A later one that is sure to shows when to stop waiting.
func (s socket) hears(from socket, by *Port, at netip.AddrPort, sure func()) bool {
	s.t.Helper()
	from.sendUpTo(by, at, "question")
	sure()
	heard := false
	for {
		text, _, ok := s.receive(patience)
		if !ok {
			s.t.Fatal("what was sure to arrive did not")
		}
		if text == "sure" {
			return heard
		}
		heard = heard || text == "question"
	}
}

// Each NAT is what its name says, seen from a server and a player.
func TestNAT(t *testing.T) {
	for _, test := range []struct {
		nat                  NAT
		oneMapping           bool
		any, address, mapped bool // who else may answer
	}{
		{FullCone, true, true, true, true},
		{AddressRestricted, true, false, true, true},
		{PortRestricted, true, false, false, true},
		{Symmetric, false, false, false, true},
	} {
		t.Run(test.nat.String(), func(t *testing.T) {
			t.Parallel()
			lab := New(t)
			one, two := lab.Host("one", IPv4), lab.Router("two's", Home{Firewall: Open}).Host("two")
			home := lab.Router("home", Home{NAT: test.nat})
			a := open(t, home.Host("inside"))
			s1, s1b, s2 := open(t, one), open(t, one), open(t, two)
			at1 := netip.AddrPortFrom(one.Port().Addr4(), s1.port())
			at2 := netip.AddrPortFrom(two.Port().Addr4(), s2.port())

			a.send(at1, "hello")
			_, from1, ok := s1.receive(patience)
			if !ok || from1.Addr() != home.Uplink().Addr4() {
				t.Fatalf("seen as %v, the router is %v", from1, home.Uplink().Addr4())
			}
			sure := func() { s1.send(from1, "sure") }
			if got := a.hears(s1b, home.Uplink(), from1, sure); got != test.address {
				t.Errorf("another port of the same address got in: %v", got)
			}
			if got := a.hears(s2, home.Uplink(), from1, sure); got != test.any {
				t.Errorf("a stranger got in: %v", got)
			}
			a.send(at2, "hello")
			_, from2, ok := s2.receive(patience)
			if !ok {
				t.Fatal("nothing arrived at the player")
			}
			if got := from1 == from2; got != test.oneMapping {
				t.Errorf("mappings %v and %v", from1, from2)
			}
			if got := a.hears(s2, home.Uplink(), from2, sure); !got {
				t.Error("who was asked got no answer through")
			}
		})
	}
}

// Two hosts of one home, by each other's public address.
func TestHairpin(t *testing.T) {
	for _, hairpin := range []bool{true, false} {
		t.Run(fmt.Sprint(hairpin), func(t *testing.T) {
			t.Parallel()
			lab := New(t)
			server := lab.Host("server", IPv4)
			home := lab.Router("home", Home{NAT: PortRestricted, Hairpin: hairpin, Isolated: true})
			ha, hb := home.Host("a"), home.Host("b")
			a, b, s := open(t, ha), open(t, hb), open(t, server)
			at := netip.AddrPortFrom(server.Port().Addr4(), s.port())
			a.send(at, "hello")
			_, publicA, _ := s.receive(patience)
			b.send(at, "hello")
			_, _, _ = s.receive(patience)
			sure := func() { s.send(publicA, "sure") }
			if got := a.hears(b, home.inside.gateway, publicA, sure); got != hairpin {
				t.Errorf("by the public address: %v", got)
			}
			b.send(netip.AddrPortFrom(ha.Port().Addr4(), a.port()), "question")
			for hb.Port().up.count().Unroutable == 0 {
				if text, _, ok := a.receive(10 * time.Millisecond); ok {
					t.Fatalf("%q arrived although the hosts are isolated", text)
				}
			}
		})
	}
}

// What firewalls let out.
func TestFirewalls(t *testing.T) {
	for _, test := range []struct {
		firewall      Firewall
		udp, tcp, web bool
	}{
		{Stateful, true, true, true},
		{NoUDP, false, true, true},
		{Only443, false, false, true},
	} {
		t.Run(fmt.Sprint(test.firewall), func(t *testing.T) {
			t.Parallel()
			lab := New(t)
			server := lab.Host("server", DualStack)
			inside := lab.Router("home", Home{NAT: PortRestricted, Firewall: test.firewall, Families: DualStack}).Host("inside")
			for _, ip := range []netip.Addr{server.Port().Addr4(), server.Port().Addr6()} {
				if got := reaches(t, inside, server, netip.AddrPortFrom(ip, 443), test.web); got != test.web {
					t.Errorf("%v, TCP to 443: %v", ip, got)
				}
				if got := reaches(t, inside, server, netip.AddrPortFrom(ip, 8080), test.tcp); got != test.tcp {
					t.Errorf("%v, TCP to 8080: %v", ip, got)
				}
			}
			a, s := open(t, inside), open(t, server)
			for _, ip := range []netip.Addr{server.Port().Addr4(), server.Port().Addr6()} {
				a.send(netip.AddrPortFrom(ip, s.port()), "hello")
				wait := patience
				if !test.udp {
					wait = 100 * time.Millisecond
				}
				if _, _, got := s.receive(wait); got != test.udp {
					t.Errorf("%v, UDP: %v", ip, got)
				}
			}
		})
	}
}

// reaches reports whether TCP gets through. What the firewall drops, nobody hears
// of: where that is expected the wait is short.
func reaches(t *testing.T, from, to *Host, at netip.AddrPort, expected bool) bool {
	t.Helper()
	listener, err := to.Listen("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	wait := 300 * time.Millisecond
	if expected {
		wait = patience
	}
	c, err := dial(from, at.String(), wait)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

func dial(from *Host, at string, wait time.Duration) (c net.Conn, err error) {
	err = from.Do(func() error {
		c, err = net.DialTimeout("tcp", at, wait)
		return err
	})
	return c, err
}

// IPv6 behind a router has addresses of its own, and a firewall.
func TestIPv6HasNoNAT(t *testing.T) {
	t.Parallel()
	lab := New(t)
	server := lab.Host("server", IPv6)
	home := lab.Router("home", Home{NAT: Symmetric, Families: IPv6})
	inside := home.Host("inside")
	a, s := open(t, inside), open(t, server)
	at := netip.AddrPortFrom(inside.Port().Addr6(), a.port())
	s.sendUpTo(home.Uplink(), at, "question")
	a.send(netip.AddrPortFrom(server.Port().Addr6(), s.port()), "hello")
	if _, from, _ := s.receive(patience); from != at {
		t.Errorf("seen as %v instead of %v", from, at)
	}
	// The first IPv6 packet that ever leaves by an interface is sometimes lost.
	for end := time.Now().Add(patience); ; {
		s.send(at, "answer")
		if text, _, ok := a.receive(200 * time.Millisecond); text == "answer" {
			return
		} else if ok || time.Now().After(end) {
			t.Fatalf("heard %q first", text)
		}
	}
}

// A router that forgets, and one whose address changes.
func TestMappingsAreLost(t *testing.T) {
	t.Parallel()
	lab := New(t)
	server := lab.Host("server", IPv4)
	home := lab.Router("home", Home{NAT: Symmetric})
	a, s := open(t, home.Host("inside")), open(t, server)
	at := netip.AddrPortFrom(server.Port().Addr4(), s.port())
	ask := func() netip.AddrPort {
		a.send(at, "hello")
		_, from, ok := s.receive(patience)
		if !ok {
			t.Fatal("nothing arrived")
		}
		s.send(from, "answer")
		if text, _, _ := a.receive(patience); text != "answer" {
			t.Fatal("no answer")
		}
		return from
	}
	first := ask()
	if again := ask(); again != first {
		t.Errorf("mapped as %v, then %v", first, again)
	}
	home.Forget()
	second := ask()
	if second == first || second.Addr() != first.Addr() {
		t.Errorf("mapped as %v before and %v after the router forgot", first, second)
	}
	home.Move()
	if third := ask(); third.Addr() == first.Addr() || third.Addr() != home.Uplink().Addr4() {
		t.Errorf("mapped as %v after the router moved to %v", third, home.Uplink().Addr4())
	}
}

// Those to one address may be lost alone.
func TestMappingsToOneAreLost(t *testing.T) {
	t.Parallel()
	lab := New(t)
	one, two := lab.Host("one", IPv4), lab.Host("two", IPv4)
	home := lab.Router("home", Home{NAT: Symmetric})
	a, s1, s2 := open(t, home.Host("inside")), open(t, one), open(t, two)
	ask := func(s socket, at netip.Addr) netip.AddrPort {
		a.send(netip.AddrPortFrom(at, s.port()), "hello")
		_, from, ok := s.receive(patience)
		if !ok {
			t.Fatal("nothing arrived")
		}
		return from
	}
	before1, before2 := ask(s1, one.Port().Addr4()), ask(s2, two.Port().Addr4())
	home.ForgetAbout(one.Port().Addr4())
	if after := ask(s1, one.Port().Addr4()); after == before1 {
		t.Errorf("still seen as %v", after)
	}
	if after := ask(s2, two.Port().Addr4()); after != before2 {
		t.Errorf("seen as %v by the other, before as %v", after, before2)
	}
}

// A host with two interfaces uses each for what is sent from its address.
func TestTwoInterfaces(t *testing.T) {
	t.Parallel()
	lab := New(t)
	server := lab.Host("server", IPv4)
	wifi, mobile := lab.Router("wifi", Home{NAT: PortRestricted}), lab.Router("mobile", Home{NAT: Symmetric})
	phone := wifi.Host("phone")
	phone.Join(mobile)
	s := open(t, server)
	at := netip.AddrPortFrom(server.Port().Addr4(), s.port())
	seen := func(from socket) netip.Addr {
		from.send(at, "hello")
		_, a, ok := s.receive(patience)
		if !ok {
			t.Fatal("nothing arrived")
		}
		return a.Addr()
	}
	for i, router := range []*Router{wifi, mobile} {
		c, err := phone.ListenPacket("udp", netip.AddrPortFrom(phone.Ports()[i].Addr4(), 0).String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got := seen(socket{t, c}); got != router.Uplink().Addr4() {
			t.Errorf("interface %d: seen as %v", i, got)
		}
	}
	if got := seen(open(t, phone)); got != wifi.Uplink().Addr4() {
		t.Errorf("any interface: seen as %v", got)
	}
	phone.Port().Unplug()
	if got := seen(open(t, phone)); got != mobile.Uplink().Addr4() {
		t.Errorf("without Wi-Fi: seen as %v", got)
	}
	phone.Port().Plug()
	if got := seen(open(t, phone)); got != wifi.Uplink().Addr4() {
		t.Errorf("with Wi-Fi again: seen as %v", got)
	}
	phone.Port().Move()
	if got := seen(open(t, phone)); got != wifi.Uplink().Addr4() {
		t.Errorf("with another address: seen as %v", got)
	}
}

// Processes are in their host's network, and die with the test that forgot them.
func TestProcesses(t *testing.T) {
	t.Parallel()
	New(t) // where none can be made, there is nothing to look at
	var p *Process
	t.Run("inner", func(t *testing.T) {
		host := New(t).Host("host", IPv4)
		p = host.Start(exec.Command("sh", "-c", "ip -4 addr show; echo ready; read line; echo got $line; exec sleep 1000"))
		p.Expect(host.Port().Addr4().String())
		p.Expect("ready")
		p.Say("something")
		p.Expect("got something")
	})
	select {
	case <-p.Ended():
	default:
		t.Fatal("it runs on")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := p.Await(ctx, "more"); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("what ended still says something: %v", err)
	}
}

func TestNothingWorksAfterTheEnd(t *testing.T) {
	t.Parallel()
	New(t) // where none can be made, there is nothing to look at
	var h *Host
	t.Run("inner", func(t *testing.T) { h = New(t).Host("host", IPv4) })
	if _, err := h.Listen("tcp", ":0"); !errors.Is(err, errClosed) {
		t.Errorf("listening in a closed lab: %v", err)
	}
}

// TCP through a slow, lossy, jittery wire brings everything, at the wire's rate.
func TestTCPThroughABadWire(t *testing.T) {
	t.Parallel()
	lab := New(t)
	server := lab.Host("server", IPv4)
	home := lab.Router("home", Home{NAT: PortRestricted})
	inside := home.Host("inside")
	home.Uplink().Set(Conditions{
		Delay: 5 * time.Millisecond, Jitter: 2 * time.Millisecond,
		Loss: 0.01, Duplicate: 0.02, Reorder: 0.02, Rate: 20_000_000,
	})
	listener, err := server.Listen("tcp", server.Port().Addr4().String()+":443")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	const size = 1 << 20
	go func() {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = c.Write(make([]byte, size))
		_ = c.Close()
	}()
	c, err := dial(inside, listener.Addr().String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	n, err := io.Copy(io.Discard, c)
	if err != nil || n != size {
		t.Fatalf("%d of %d bytes: %v", n, size, err)
	}
	took := time.Since(began)
	if least := time.Duration(float64(size) * 8 / 20e6 * float64(time.Second)); took < least {
		t.Errorf("1 MiB in %v; the wire allows it in %v", took, least)
	}
	_, down := home.Uplink().Counters()
	t.Logf("1 MiB in %v: %+v", took, down)
}

// Where no lab can be made its tests are skipped, with the reason, and fail where
// every test has to run.
func TestALabThatIsNotPossible(t *testing.T) {
	for all, ok := range map[string]bool{"": true, "1": false} {
		cmd := exec.Command(os.Args[0], "-test.skip=^TestALabThatIsNotPossible$", "-test.v")
		cmd.Env = []string{"PATH=/nonexistent", "UNITYP2P_ALL_TESTS=" + all}
		out, err := cmd.CombinedOutput()
		if (err == nil) != ok || !strings.Contains(string(out), "no networks can be built here: no ") {
			t.Errorf("UNITYP2P_ALL_TESTS=%q: %v\n%s", all, err, out)
		}
	}
}
