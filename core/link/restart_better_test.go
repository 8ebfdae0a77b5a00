package link

import (
	"net"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"

	"unityp2p/internal/cutnet"
	"unityp2p/internal/pionlog"
)

// relayAtHome starts a TURN server on the loopback interface.
func relayAtHome(t *testing.T) webrtc.ICEServer {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "home", LoggerFactory: pionlog.To(silent()),
		AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) {
			return a.Username, turn.GenerateAuthKey(a.Username, a.Realm, "secret"), true
		},
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn: conn,
			RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{
				RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1",
			},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return webrtc.ICEServer{
		URLs: []string{"turn:" + conn.LocalAddr().String() + "?transport=udp"}, Username: "user", Credential: "secret",
	}
}

// detoured is cuttable where the ways without a relay are so slow, or none if by is
// below 0.
func detoured(t *testing.T, by time.Duration) (a, b *end, nets [2]*cutnet.Net) {
	t.Helper()
	home := relayAtHome(t)
	a, b, nets = cuttable(t, func(_ int, e *Engine) {
		e.SetICEServers([]webrtc.ICEServer{home})
		e.options.Net.(*cutnet.Net).Delay(by)
	})
	for _, e := range []*end{a, b} {
		if s := e.link.Stats(); !s.relayed() {
			t.Fatalf("met by %v %s and %v %s", s.LocalType, s.Local, s.RemoteType, s.Remote)
		}
	}
	return a, b, nets
}

// A path by a relay that was only found first gives way to a better one, and no
// message is missing, doubled or out of order.
func TestTheRelayGivesWay(t *testing.T) {
	t.Parallel()
	a, b, nets := detoured(t, 1500*time.Millisecond)
	for _, n := range nets {
		n.Delay(0)
	}
	stop := talking(t, a, b)
	open(a, b)
	anew(a, b, 1)
	stop()
	for _, e := range []*end{a, b} {
		if s := e.link.Stats(); s.relayed() {
			t.Errorf("the path is %v %s and %v %s", s.LocalType, s.Local, s.RemoteType, s.Remote)
		}
		if n := e.link.restart.generationNow(); n != 1 {
			t.Errorf("%d restarts", n)
		}
	}
}

// Where there is no other way nothing is tried.
func TestTheOnlyRelayStays(t *testing.T) {
	t.Parallel()
	a, b, _ := detoured(t, -1)
	open(a, b)
	stop := talking(t, a, b)
	<-time.After(betterAfter + 2*time.Second)
	stop()
	for _, e := range []*end{a, b} {
		if n := e.link.restart.generationNow(); n > 0 || len(e.restarting) > 0 {
			t.Errorf("%d restarts, restarting %v", n, e.restarting)
		}
	}
}

// A better way is looked for twice, and not for ever where nobody passes on what is
// to be agreed.
func TestABetterWayIsNotWantedForEver(t *testing.T) {
	t.Parallel()
	a, b, nets := detoured(t, 1500*time.Millisecond)
	for _, n := range nets {
		n.Delay(0)
	}
	stop := talking(t, a, b)
	a.await("the want of a better way, and its end", func() bool {
		return len(a.restarting) == 2 && !a.restarting[1]
	})
	stop()
	if n := a.link.restart.generationNow(); n > 0 || len(b.restarting) > 0 {
		t.Errorf("%d restarts", n)
	}
}
