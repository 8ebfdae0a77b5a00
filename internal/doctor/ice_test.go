package doctor_test

import (
	"net"
	"strings"
	"testing"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"unityp2p/core"
	"unityp2p/internal/doctor"
	"unityp2p/signaling"
)

const (
	turnUser   = "somebody"
	turnSecret = "turn secret"
)

// relayServer runs a TURN server on loopback, over UDP and TCP, which relays to
// whom allow says.
func relayServer(t *testing.T, allow func(net.IP) bool) (address string) {
	t.Helper()
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp4", udp.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	loopback := &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"}
	permit := func(_ net.Addr, peer net.IP) bool { return allow(peer) }
	s, err := turn.NewServer(turn.ServerConfig{
		Realm: "test", LoggerFactory: &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled},
		AuthHandler: func(r *turn.RequestAttributes) (string, []byte, bool) {
			return r.Username, turn.GenerateAuthKey(r.Username, r.Realm, turnSecret), r.Username == turnUser
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: udp, RelayAddressGenerator: loopback, PermissionHandler: permit}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: tcp, RelayAddressGenerator: loopback, PermissionHandler: permit}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return udp.LocalAddr().String()
}

func everybody(net.IP) bool { return true }

// Servers that are handed out are found, and used as players use them.
func TestICEServersThatAreHandedOut(t *testing.T) {
	at := relayServer(t, everybody)
	url := serve(t, signaling.Config{ICEServers: func() []signaling.ICEServer {
		return []signaling.ICEServer{
			{URLs: []string{"stun:" + at}},
			{URLs: []string{"turn:" + at, "turn:" + at + "?transport=tcp"}, Username: turnUser, Credential: turnSecret},
		}
	}}, nil, nil)
	steps := passes(t, doctor.Options{URL: url}, "tls", "idle")
	for step, says := range map[string]string{"version": "(3 URLs)", "stun": "sees us as 127.0.0.1:", "turn": "?transport=tcp relays at 127.0.0.1:"} {
		if s := steps[step]; !strings.Contains(s.Detail, says) {
			t.Errorf("%s: %+v", step, s)
		}
	}
	for name, s := range steps {
		if strings.Contains(s.Detail+s.Advice, turnSecret) {
			t.Errorf("%s shows a credential: %+v", name, s)
		}
	}
}

// A server in one's own network that does not relay into it does right.
func TestARelayThatKeepsToTheInternet(t *testing.T) {
	at := relayServer(t, func(ip net.IP) bool { return !ip.IsLoopback() })
	ice := []core.ICEServer{{URL: "turn:" + at, Username: turnUser, Credential: turnSecret}}
	steps := passes(t, doctor.Options{URL: serve(t, signaling.Config{}, nil, nil), ICE: ice}, "tls", "idle", "stun")
	if s := steps["turn"]; !strings.Contains(s.Detail, "rightly not to 127.0.0.1") {
		t.Errorf("turn: %+v", s)
	}
}

func TestICEServersThatDoNotWork(t *testing.T) {
	t.Parallel()
	at := relayServer(t, everybody)
	// Nobody answers there, on UDP or TCP.
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	url := serve(t, signaling.Config{}, nil, nil)
	for name, c := range map[string]struct {
		server             core.ICEServer
		step, says, advice string
	}{
		"no answer":        {core.ICEServer{URL: "stun:" + silent.LocalAddr().String()}, "stun", "no answer", "firewall"},
		"no relay":         {core.ICEServer{URL: "turn:" + silent.LocalAddr().String(), Username: turnUser, Credential: turnSecret}, "turn", "no answer", "firewall"},
		"nobody on TCP":    {core.ICEServer{URL: "turn:" + silent.LocalAddr().String() + "?transport=tcp", Username: turnUser, Credential: turnSecret}, "turn", "refuses", "TCP"},
		"no TLS":           {core.ICEServer{URL: "turns:" + at + "?transport=tcp", Username: turnUser, Credential: turnSecret}, "turn", "TLS", "certificate"},
		"wrong credential": {core.ICEServer{URL: "turn:" + at, Username: turnUser, Credential: "guessed"}, "turn", "refuses the credentials", "run out"},
		"wrong user":       {core.ICEServer{URL: "turn:" + at, Username: "nobody", Credential: turnSecret}, "turn", "refuses the credentials", "run out"},
		"no URL":           {core.ICEServer{URL: "turn://example.org"}, "turn", "no URL", "RFC 7065"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			well, steps := examine(t, doctor.Options{URL: url, ICE: []core.ICEServer{c.server}, Patience: impatience})
			s := steps[c.step]
			if well || s.Outcome != doctor.Failed || !strings.Contains(s.Detail, c.says) || !strings.Contains(s.Advice, c.advice) {
				t.Errorf("%+v", s)
			}
			if strings.Contains(s.Detail+s.Advice, turnSecret) || strings.Contains(s.Detail, "guessed") {
				t.Errorf("a credential is shown: %+v", s)
			}
		})
	}
}
