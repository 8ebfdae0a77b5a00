package core_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core"
	"unityp2p/signaling"
)

// secureServer serves over TLS with a certificate that nobody trusts; it returns
// its fingerprint.
func secureServer(t *testing.T) (s *server, pin string) {
	t.Helper()
	sig, err := signaling.New(signaling.Config{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewTLSServer(sig)
	t.Cleanup(func() {
		web.CloseClientConnections()
		_ = sig.Shutdown(t.Context())
		web.Close()
	})
	sum := sha256.Sum256(web.Certificate().Raw)
	return &server{t: t, address: web.Listener.Addr().String()}, hex.EncodeToString(sum[:])
}

func (s *server) secure(pin string) core.Config {
	cfg := s.config("room")
	cfg.Signaling = "wss://" + s.address + "/"
	cfg.TLSPin = pin
	return cfg
}

// openssl writes a fingerprint with colons and in capitals.
func colons(pin string) string {
	var b strings.Builder
	for i := 0; i < len(pin); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(strings.ToUpper(pin[i : i+2]))
	}
	return b.String()
}

func TestOnlyThePinnedCertificateIsTrusted(t *testing.T) {
	s, pin := secureServer(t)
	h, a := host(t, "h", s.secure(pin)), join(t, "a", s.secure(colons(pin)))
	meet(t, h, a)
	for name, cfg := range map[string]core.Config{
		"another pin": s.secure(strings.Repeat("0", 64)),
		"no pin":      s.secure(""),
	} {
		p := host(t, name, cfg)
		e := p.awaitEvent("trouble", 0, isTrouble(core.WrongCertificate))
		if e.Final || !strings.Contains(e.Text, "pin") {
			t.Errorf("%s: %+v", name, e)
		}
		if name == "another pin" && !strings.Contains(e.Text, pin) {
			t.Errorf("the fingerprint to pin is not in %q", e.Text)
		}
	}
}

func TestPinsThatAreNone(t *testing.T) {
	s := &server{address: "127.0.0.1:1"}
	for _, pin := range []string{"x", "00", strings.Repeat("0", 63), strings.Repeat("0", 66), strings.Repeat("g", 64)} {
		if h, err := core.NewHost(s.secure(pin)); err == nil {
			h.Close()
			t.Errorf("%q was taken", pin)
		}
	}
	cfg := s.config("room")
	cfg.TLSPin = strings.Repeat("0", 64)
	if h, err := core.NewHost(cfg); err == nil || !strings.Contains(err.Error(), "wss://") {
		if err == nil {
			h.Close()
		}
		t.Errorf("a pin for ws://: %v", err)
	}
}

// rules is an Access of a few tokens.
type rules map[string]signaling.Grant

func (r rules) Admit(token, _ string) (signaling.Grant, error) {
	if token == "old" {
		return signaling.Grant{}, signaling.DeniedExpired
	}
	if g, ok := r[token]; ok {
		return g, nil
	}
	return signaling.Grant{}, signaling.DeniedInvalid
}

func TestWhoIsRefusedHearsWhy(t *testing.T) {
	room := signaling.Rooms{Names: []string{"room"}}
	s := newServerWith(t, signaling.Config{Access: rules{"hosts": {Host: room}, "joins": {Join: room}}})
	with := func(token string) core.Config {
		cfg := s.config("room")
		cfg.Token = token
		return cfg
	}
	for _, tt := range []struct {
		make  func(*testing.T, string, core.Config) *player
		token string
		code  core.Code
		text  string
	}{
		{host, "old", core.TokenRefused, "token expired"},
		{join, "wrong", core.TokenRefused, "Invalid token"},
		{host, "", core.TokenRefused, "Invalid token"},
		{host, "joins", core.NotAllowed, "does not allow to host"},
		{join, "hosts", core.NotAllowed, "does not allow to join"},
	} {
		p := tt.make(t, tt.token, with(tt.token))
		e := p.awaitEvent(tt.text, 0, func(e core.Event) bool { return e.Type == core.RoomTrouble })
		if e.Code != tt.code || e.Final || !strings.Contains(e.Text, tt.text) || (tt.token == "wrong" && strings.Contains(e.Text, "wrong")) {
			t.Errorf("%q: %+v", tt.token, e)
		}
		p.Close()
	}
	h, a := host(t, "h", with("hosts")), join(t, "a", with("joins"))
	meet(t, h, a)
}

// ws:// where there is TLS, and wss:// where there is none, are told apart from a
// server that is not there.
func TestTheWrongSchemeIsNamed(t *testing.T) {
	plain := newServer(t)
	tlsOnly, _ := secureServer(t)
	for _, tt := range []struct{ url, text string }{
		{"wss://" + plain.address, "perhaps ws:// is right"},
		{"ws://" + tlsOnly.address, "perhaps wss:// is right"},
	} {
		cfg := plain.config("room")
		cfg.Signaling = tt.url
		p := join(t, "a", cfg)
		p.awaitEvent(tt.text, 0, func(e core.Event) bool { return e.Type == core.RoomTrouble && strings.Contains(e.Text, tt.text) })
		p.Close()
	}
}

// attempts notes how sockets brought their token.
type attempts struct {
	mu   sync.Mutex
	list []string
}

func (a *attempts) note(r *http.Request) (inURL bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	inURL = r.URL.Query().Get("userToken") != ""
	how := r.Header.Get("Authorization")
	if inURL {
		how += " and " + r.URL.RawQuery
	}
	a.list = append(a.list, how)
	return inURL
}

// The token stands in the header alone, where no log has it; but a server of the
// original protocol, which knows only the URL, gets it there.
func TestTheTokenIsInTheURLOnlyForServersThatWantItThere(t *testing.T) {
	var seen attempts
	s := fakeServer(t, func(ws *websocket.Conn, r *http.Request) {
		if !seen.note(r) {
			closing(ws, websocket.ClosePolicyViolation, "Invalid token")
			return
		}
		for {
			_, p, err := ws.ReadMessage()
			if err != nil {
				return
			}
			if p[0] == 3 {
				_ = ws.WriteMessage(websocket.BinaryMessage, p)
			}
		}
	})
	cfg := s.config("room")
	cfg.Token = "t k"
	began := time.Now()
	h := host(t, "h", cfg)
	h.awaitEvent("open", 0, isType(core.RoomOpen))
	t.Logf("open after %v", time.Since(began))
	h.mu.Lock()
	for _, e := range h.events {
		if e.Type == core.RoomTrouble {
			t.Errorf("it heard %+v", e)
		}
	}
	h.mu.Unlock()
	seen.mu.Lock()
	if len(seen.list) != 2 || seen.list[0] != "Bearer t k" || seen.list[1] != "Bearer t k and userToken=t+k" {
		t.Errorf("the token came as %q", seen.list)
	}
	seen.mu.Unlock()
}
