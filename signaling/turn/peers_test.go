package turn

import (
	"net"
	"net/netip"
	"testing"
)

func TestNobodyRelaysBehindTheFirewall(t *testing.T) {
	s, seen := listen(t, Config{
		Relays:  []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("2001:db8::1")},
		Allowed: []netip.Prefix{netip.MustParsePrefix("192.168.7.0/24")},
	})
	for address, may := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1": true, "127.0.0.1": true, "2001:db8::1": true, "192.168.7.9": true,
		"127.0.0.2": false, "::1": false, "::ffff:127.0.0.2": false, "0.0.0.0": false, "::": false,
		"10.1.2.3": false, "172.16.0.1": false, "192.168.8.1": false, "100.64.0.1": false, "100.100.100.200": false,
		"169.254.169.254": false, "168.63.129.16": false, "fe80::1": false, "fd00:ec2::254": false, "fc00::1": false,
		"224.0.0.1": false, "ff02::1": false, "255.255.255.255": false, "64:ff9b::a00:1": false, "2002:a00:1::": false,
		"::10.0.0.1": false, "::ffff:10.0.0.1": false, "240.0.0.1": false, "192.0.0.8": false,
	} {
		if s.mayReach(net.ParseIP(address)) != may {
			t.Errorf("%s: may be reached: %v", address, !may)
		}
	}
	relay := allocate(t, s, udp(t))
	inside := udp(t)
	// The peer is an address of this machine that is not the relay's.
	_, err := relay.WriteTo([]byte("hello"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9), Port: inside.LocalAddr().(*net.UDPAddr).Port})
	if err == nil || seen.refusals(RefusedPeer) == 0 {
		t.Errorf("sent to what is behind the firewall: %v, %d refusals", err, seen.refusals(RefusedPeer))
	}
}

func TestNobodyRelaysToWhatRunsBesideIt(t *testing.T) {
	for _, allowed := range [][]netip.Prefix{nil, {netip.MustParsePrefix("127.0.0.0/8")}} {
		s, seen := listen(t, Config{Allowed: allowed})
		relay, beside := allocate(t, s, udp(t)), udp(t)
		if allowed != nil {
			exchange(t, relay, beside)
			continue
		}
		if _, err := relay.WriteTo([]byte("x"), beside.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		await(t, "it is refused", func() bool { return seen.refusals(RefusedPeer) > 0 })
		other := allocate(t, s, udp(t))
		_, _ = relay.WriteTo([]byte("x"), other.LocalAddr())
		exchange(t, other, relay) // another player's relay is there for that
	}
}

func TestIPv6(t *testing.T) {
	for _, relays := range [][]netip.Addr{
		{netip.IPv6Loopback()},
		{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()},
	} {
		seen := new(counter)
		s, err := Listen(Config{Host: "::1", Relays: relays, Observer: seen}, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		var ends [2]net.PacketConn
		for i := range ends {
			socket, err := net.ListenPacket("udp6", "[::1]:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = socket.Close() })
			ends[i] = allocate(t, s, socket)
			if at := netip.MustParseAddrPort(ends[i].LocalAddr().String()).Addr(); at != netip.IPv6Loopback() {
				t.Errorf("of %v, relayed from %v", relays, at)
			}
		}
		_, _ = ends[0].WriteTo([]byte("x"), ends[1].LocalAddr())
		exchange(t, ends[1], ends[0])
		exchange(t, ends[0], ends[1])
	}
}

// What a cloud translates to this machine is not its own: two players whom it
// relays meet all the same.
func TestRelaysMeetBehindATranslatedAddress(t *testing.T) {
	s, _ := listen(t, Config{Relays: []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::7")}})
	a, b := allocate(t, s, udp(t)), allocate(t, s, udp(t))
	if host := household(a.LocalAddr()); host != "203.0.113.7" {
		t.Errorf("relayed from %s", host)
	}
	_, _ = a.WriteTo([]byte("x"), b.LocalAddr())
	exchange(t, b, a)
	exchange(t, a, b)
}

func TestARelayHasSoManyPeers(t *testing.T) {
	s, seen := listen(t, Config{})
	username, password := credentials(s)
	c := client(t, s, udp(t), username, password)
	relay, err := c.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	const each = 64 // in one request
	for i := 0; err == nil && i < 2*mostPeers; i += each {
		var peers []net.Addr
		for j := i; j < i+each; j++ {
			peers = append(peers, &net.UDPAddr{IP: net.IPv4(8, 8, byte(j/256), byte(j)), Port: 1})
		}
		err = c.CreatePermission(peers...)
	}
	if err == nil || seen.refusals(RefusedPeers) == 0 {
		t.Errorf("a relay may have any number of peers: %v", err)
	}
	s.permissions.mu.Lock()
	for client, n := range s.permissions.of {
		if n > mostPeers {
			t.Errorf("%s has %d", client, n)
		}
	}
	s.permissions.mu.Unlock()
	_ = relay.Close()
	await(t, "they end with it", func() bool {
		s.permissions.mu.Lock()
		defer s.permissions.mu.Unlock()
		return len(s.permissions.of) == 0
	})
}
