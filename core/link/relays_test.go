package link

import (
	"errors"
	"net"
	"testing"

	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
)

// permission is what pion writes to a relay before its first packet to a peer.
func permission(t *testing.T, peer string) []byte {
	t.Helper()
	m, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodCreatePermission, stun.ClassRequest),
		peerAddress(net.ParseIP(peer)), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

type peerAddress net.IP

func (p peerAddress) AddTo(m *stun.Message) error {
	return stun.XORMappedAddress{IP: net.IP(p), Port: 40000}.AddToAs(m, stun.AttrXORPeerAddress)
}

func TestRelaysAreNotAskedInVain(t *testing.T) {
	for peer, vain := range map[string]bool{
		"192.168.1.2": true, "10.0.0.1": true, "172.17.0.1": true, "169.254.3.4": true, "127.0.0.1": true,
		"100.100.1.1": true, "fd00::1": true, "fe80::1": true, "::1": true, "::ffff:192.168.1.2": true,
		"203.0.113.5": false, "100.63.1.1": false, "172.32.0.1": false, "2001:db8::1": false,
	} {
		message := permission(t, peer)
		if got := inVain(message); got != vain {
			t.Errorf("permission for %s is in vain: %v", peer, got)
		}
		for n := range message {
			if inVain(message[:n]) {
				t.Errorf("%d bytes of a permission for %s are in vain", n, peer)
			}
		}
	}
	for _, other := range [][]byte{nil, {0}, {0, 1}, {0x40, 0, 0, 1, 9}, make([]byte, 1200)} {
		if inVain(other) {
			t.Errorf("%d bytes of something else are in vain", len(other))
		}
	}
}

// packets is a socket that keeps what is written.
type packets struct {
	net.PacketConn
	written int
}

func (p *packets) WriteTo(b []byte, _ net.Addr) (int, error) {
	p.written++
	return len(b), nil
}

// A relay in somebody's own network may well have a way to another address of it.
func TestARelayAtHomeIsAsked(t *testing.T) {
	request := permission(t, "192.168.1.2")
	for relay, asked := range map[string]int{"203.0.113.5": 0, "2001:db8::1": 0, "192.168.1.1": 1, "127.0.0.1": 1} {
		var p packets
		_, err := openSocket{&p, newPermissions(t.Context())}.WriteTo(request, &net.UDPAddr{IP: net.ParseIP(relay), Port: 3478})
		if p.written != asked || (asked == 0) != errors.Is(err, errNoWay) {
			t.Errorf("relay %s was asked %d times: %v", relay, p.written, err)
		}
	}
}

func TestWhichRelaysAreSpokenToByTLS(t *testing.T) {
	servers := []webrtc.ICEServer{{URLs: []string{
		"stun:a.example", "turn:b.example?transport=tcp", "turns:c.example", "turns:[2001:db8::1]:443?transport=tcp", "nonsense",
	}}}
	r := &relays{nil, func() []webrtc.ICEServer { return servers }}
	for at, want := range map[string]bool{"[2001:db8::1]:443": true, "c.example:5349": true, "b.example:3478": false, "c.example:3478": false} {
		if r.secured(at) != want {
			t.Errorf("%s: %v", at, !want)
		}
	}
}
