package main

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"unityp2p/signaling"
)

func TestLimitsAreSettings(t *testing.T) {
	c, err := loadSettings(t, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := signaling.DefaultLimits(); c.signaling.Limits.Rooms != want.Rooms || c.signaling.Limits.Idle != want.Idle || c.signaling.PingInterval != signaling.DefaultPingInterval {
		t.Errorf("the defaults are %+v", c.signaling)
	}
	if c.signaling.Limits.ConnectionsPerAddress != 0 {
		t.Error("the default for addresses is none that differs by their kind")
	}
	c, err = loadSettings(t, `{
		"httpConfig": {"port": 0},
		"origins": ["https://example.org"], "trustedProxies": ["10.0.0.0/8", "::1"], "pingInterval": "30s",
		"limits": {"connections": 5, "rooms": "none", "idle": "none", "handshake": "3s", "connectionsPerAddress": 7}
	}`, []string{"UNITYP2P_MAX_LINKS=9"}, "-slow-time", "4s", "-max-buffered", "none")
	if err != nil {
		t.Fatal(err)
	}
	s, l := c.signaling, c.signaling.Limits
	if len(s.Origins) != 1 || len(s.TrustedProxies) != 2 || s.TrustedProxies[1].String() != "::1/128" || s.PingInterval != 30*time.Second {
		t.Errorf("read as %+v", s)
	}
	if l.Connections != 5 || l.Rooms != -1 || l.Idle != -1 || l.Handshake != 3*time.Second || l.ConnectionsPerAddress != 7 ||
		l.Links != 9 || l.Slow != 4*time.Second || l.Buffered != -1 {
		t.Errorf("read as %+v", l)
	}
	for _, text := range []string{`{"limits":{"room":1}}`, `{"limits":{"rooms":0}}`, `{"limits":{"rooms":"many"}}`, `{"limits":{"idle":"0s"}}`,
		`{"limits":{"idle":5}}`, `{"origins":["example.org"]}`, `{"origins":"https://example.org"}`, `{"trustedProxies":["10.0.0.0/40"]}`, `{"pingInterval":"1h"}`} {
		if _, err := loadSettings(t, text, nil); err == nil || strings.Contains(err.Error(), "nothing to listen") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Every limit that the server knows is a setting.
func TestEveryLimitIsASetting(t *testing.T) {
	keys := make(map[string]bool)
	for _, r := range newServeSettings().table().Rows {
		keys[strings.ToLower(r.Key)] = true
	}
	for _, name := range limitNames() {
		if !keys["limits."+strings.ToLower(name)] {
			t.Errorf("Limits.%s is no setting", name)
		}
	}
}

func limitNames() (names []string) {
	for field := range reflect.TypeFor[signaling.Limits]().Fields() {
		names = append(names, field.Name)
	}
	return names
}
