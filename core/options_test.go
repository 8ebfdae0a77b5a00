package core_test

import (
	"net"
	"strconv"
	"testing"
	"time"

	"unityp2p/core"
)

func TestPortRange(t *testing.T) {
	s := newServer(t)
	cfg := s.config("room")
	cfg.PortMin, cfg.PortMax = 42100, 42199
	h, a := host(t, "h", cfg), join(t, "a", cfg)
	meet(t, h, a)
	tell(t, "in range ", h, a)
	for _, p := range []*player{h, a} {
		for _, st := range p.Stats(nil) {
			_, text, err := net.SplitHostPort(st.LocalCandidate)
			if err != nil {
				t.Fatal(err)
			}
			if port, err := strconv.Atoi(text); err != nil || port < 42100 || port > 42199 {
				t.Errorf("%s uses %s", p.name, st.LocalCandidate)
			}
		}
	}
}

// A member that allows no network that the others have gets no path, and says so.
func TestNoCommonNetwork(t *testing.T) {
	s := newServer(t)
	h := host(t, "h", s.config("room"))
	h.awaitEvent("open", 0, isType(core.RoomOpen))
	cfg := s.config("room")
	cfg.Networks, cfg.ConnectTimeout = core.UDP6, time.Second
	a := join(t, "a", cfg)
	if e := a.awaitEvent("no path", 0, isTrouble(core.ConnectFailed)); e.Final || e.Text == "" {
		t.Errorf("it said %+v", e)
	}
}

// A STUN server that never answers delays nothing.
func TestASilentSTUNServerDelaysNothing(t *testing.T) {
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s := newServer(t)
	cfg := s.config("room")
	cfg.ICEServers = []core.ICEServer{{URL: "stun:" + silent.LocalAddr().String()}}
	h, a := host(t, "h", cfg), join(t, "a", cfg)
	meet(t, h, a)
	for _, st := range a.Stats(nil) {
		t.Logf("connected in %v", st.Connecting)
	}
	a.Close()
	h.awaitEvent("leaving", 0, isType(core.Disconnected))
}
