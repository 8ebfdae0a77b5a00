package jwt_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
	"unityp2p/signaling"
	"unityp2p/signaling/jwt"
)

const (
	patience = 30 * time.Second
	secret   = "0123456789abcdef0123456789abcdef"
)

func newAccess(t testing.TB) *jwt.Access {
	t.Helper()
	a, err := jwt.New([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func sign(t testing.TB, c jwt.Claims) string {
	t.Helper()
	if c.Until.IsZero() {
		c.Until = time.Now().Add(time.Hour)
	}
	token, err := newAccess(t).Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// byHand signs any head and body with HMAC-SHA256.
func byHand(head, body, key string) string {
	signed := encode(head) + "." + encode(body)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(signed))
	return signed + "." + encode(string(mac.Sum(nil)))
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

const (
	hs256 = `{"alg":"HS256","typ":"JWT"}`
	all   = `{"host":true,"join":true,"prefixes":[""],"exp":9999999999}`
)

// start serves with signed tokens.
func start(t *testing.T) (url string) {
	t.Helper()
	s, err := signaling.New(signaling.Config{
		Access: newAccess(t), Apps: []signaling.App{{Path: "/"}, {Path: "/chat"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
		h.Close()
	})
	return strings.Replace(h.URL, "http", "ws", 1)
}

func dial(t *testing.T, url, bearer string) *websocket.Conn {
	t.Helper()
	header := http.Header{}
	if bearer != "" {
		header.Set("Authorization", "Bearer "+bearer)
	}
	conn, _, err := websocket.DefaultDialer.Dial(url, header)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	return conn
}

// ask sends frames and returns the next that comes, or why the socket ended.
func ask(t *testing.T, conn *websocket.Conn, frames ...[]byte) string {
	t.Helper()
	for _, f := range frames {
		_ = conn.WriteMessage(websocket.BinaryMessage, f)
	}
	_, p, err := conn.ReadMessage()
	if closed, ok := err.(*websocket.CloseError); ok && closed.Code == websocket.ClosePolicyViolation {
		return closed.Text
	}
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(p)
}

func frame(kind wire.FrameType, id int16, room string) []byte {
	return wire.Frame{Type: kind, DataType: wire.Text, ID: id, Data: []byte(wire.AddressOf(room))}.Append(nil)
}

const in = "ca" // the answer of a socket that was let in

func TestWhoIsLetInAndWhoIsToldWhy(t *testing.T) {
	url := start(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	pemKey := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	good := sign(t, jwt.Claims{Host: true, Rooms: []string{"room"}})
	parts := strings.Split(good, ".")
	now := time.Now()
	for _, tt := range []struct{ name, path, token, want string }{
		{"good", "/", good, in},
		{"good, elsewhere", "/chat", good, in},
		{"good, by hand", "/", byHand(hs256, all, secret), in},
		{"for this app", "/chat", sign(t, jwt.Claims{App: "/chat", Join: true, Rooms: []string{"a"}}), in},
		{"other app", "/", sign(t, jwt.Claims{App: "/chat", Join: true, Rooms: []string{"a"}}), "token is not for this app"},
		{"none", "/", "", "token missing"},
		{"expired", "/", sign(t, jwt.Claims{Host: true, Rooms: []string{"a"}, Until: now.Add(-time.Minute)}), "token expired"},
		{"expired by less than clocks differ", "/", sign(t, jwt.Claims{Host: true, Rooms: []string{"a"}, Until: now.Add(-time.Second)}), in},
		{"not yet valid", "/", sign(t, jwt.Claims{Host: true, Rooms: []string{"a"}, From: now.Add(time.Minute)}), "token not valid yet"},
		{"nearly valid", "/", sign(t, jwt.Claims{Host: true, Rooms: []string{"a"}, From: now.Add(3 * time.Second)}), in},
		{"endless", "/", byHand(hs256, `{"host":true,"prefixes":[""]}`, secret), "token has no end (exp)"},
		{"for nothing", "/", sign(t, jwt.Claims{Rooms: []string{"a"}}), "token allows nothing"},
		{"for no room", "/", sign(t, jwt.Claims{Host: true}), "token allows nothing"},
		{"forged", "/", byHand(hs256, all, "another secret, of 32 bytes or so"), "Invalid token"},
		{"forged and expired", "/", byHand(hs256, `{"exp":1}`, "x"), "Invalid token"},
		{"other body", "/", parts[0] + "." + encode(all) + "." + parts[2], "Invalid token"},
		{"other head", "/", encode(`{"alg":"HS384"}`) + "." + parts[1] + "." + parts[2], "Invalid token"},
		{"shortened", "/", good[:len(good)-1], "Invalid token"},
		{"padded", "/", good + "=", "Invalid token"},
		{"without a signature", "/", parts[0] + "." + parts[1] + ".", "Invalid token"},
		{"alg none", "/", encode(`{"alg":"none"}`) + "." + encode(all) + ".", "Invalid token"},
		{"alg None, signed", "/", byHand(`{"alg":"None"}`, all, secret), "Invalid token"},
		{"no alg", "/", byHand(`{}`, all, secret), "Invalid token"},
		{"alg null", "/", byHand(`{"alg":null}`, all, secret), "Invalid token"},
		{"HS512", "/", hs512(all), "Invalid token"},
		{"RS256", "/", rs256(t, key, all), "Invalid token"},
		{"RS256, signed with the public key as a secret", "/", byHand(`{"alg":"RS256"}`, all, pemKey), "Invalid token"},
		{"RS256, signed with the secret", "/", byHand(`{"alg":"RS256"}`, all, secret), "Invalid token"},
		{"an end that is no number", "/", byHand(hs256, `{"host":true,"prefixes":[""],"exp":"never"}`, secret), "Invalid token"},
		{"an end beyond all numbers", "/", byHand(hs256, `{"host":true,"prefixes":[""],"exp":1e400}`, secret), "Invalid token"},
		{"rooms that are no list", "/", byHand(hs256, `{"host":true,"rooms":"a","exp":9999999999}`, secret), "Invalid token"},
		{"oversized", "/", byHand(hs256, `{"pad":"`+strings.Repeat("x", 5000)+`",`+all[1:], secret), "Invalid token"},
		{"dots", "/", strings.Repeat(".", 4000), "Invalid token"},
	} {
		for way, conn := range map[string]func() *websocket.Conn{
			"header":    func() *websocket.Conn { return dial(t, url+tt.path, tt.token) },
			"userToken": func() *websocket.Conn { return dial(t, url+tt.path+"?userToken="+tt.token, "") },
			"token":     func() *websocket.Conn { return dial(t, url+tt.path+"?token="+tt.token, "") },
		} {
			if got := ask(t, conn(), []byte{0xca}); got != tt.want {
				t.Errorf("%s, %s: %q; want %q", tt.name, way, got, tt.want)
			}
		}
	}
}

func hs512(body string) string {
	signed := encode(`{"alg":"HS512"}`) + "." + encode(body)
	mac := hmac.New(sha512.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + encode(string(mac.Sum(nil)))
}

func rs256(t *testing.T, key *rsa.PrivateKey, body string) string {
	t.Helper()
	signed := encode(`{"alg":"RS256"}`) + "." + encode(body)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + encode(string(signature))
}

// The header counts before the query: what is in it is what the client means.
func TestTheHeaderCounts(t *testing.T) {
	url := start(t)
	good := sign(t, jwt.Claims{Host: true, Rooms: []string{"room"}})
	if got := ask(t, dial(t, url+"?userToken=wrong", good), []byte{0xca}); got != in {
		t.Errorf("got %q", got)
	}
	if got := ask(t, dial(t, url+"?userToken="+good, "wrong"), []byte{0xca}); got != "Invalid token" {
		t.Errorf("got %q", got)
	}
}

func TestATokenSaysWhichRooms(t *testing.T) {
	url := start(t)
	host := sign(t, jwt.Claims{Host: true, Rooms: []string{"lobby", "😀"}, Prefixes: []string{"team-"}})
	join := sign(t, jwt.Claims{Join: true, Rooms: []string{"lobby"}})
	open := dial(t, url, sign(t, jwt.Claims{Host: true, Join: true, Prefixes: []string{""}}))
	if got, want := ask(t, open, frame(wire.ServerInitialized, -1, "lobby")), frame(wire.ServerInitialized, -1, "lobby"); got != hex.EncodeToString(want) {
		t.Fatalf("got %s", got)
	}
	for _, tt := range []struct {
		token, room string
		kind, want  wire.FrameType
		why         wire.RefusalCode
	}{
		{host, "team-red", wire.ServerInitialized, wire.ServerInitialized, 0},
		{host, "😀", wire.ServerInitialized, wire.ServerInitialized, 0},
		{host, "team", wire.ServerInitialized, wire.ServerInitFailed, wire.RefusedHosting},
		{host, "Lobby", wire.ServerInitialized, wire.ServerInitFailed, wire.RefusedHosting},
		{host, "lobby2", wire.ServerInitialized, wire.ServerInitFailed, wire.RefusedHosting},
		{host, "lobby", wire.NewConnection, wire.ConnectionFailed, wire.RefusedJoining},
		{join, "lobby", wire.NewConnection, wire.NewConnection, 0},
		{join, "lobby", wire.ServerInitialized, wire.ServerInitFailed, wire.RefusedHosting},
		{join, "other", wire.NewConnection, wire.ConnectionFailed, wire.RefusedJoining},
	} {
		// To the original's clients it is a refusal like any other.
		if got := ask(t, dial(t, url, tt.token), frame(tt.kind, 7, tt.room)); got[:2] != hex.EncodeToString([]byte{byte(tt.want)}) {
			t.Errorf("%s: %s instead of %d", tt.room, got, tt.want)
		}
		if tt.why == 0 {
			continue
		}
		conn := dial(t, url, tt.token)
		if got := ask(t, conn, []byte{0xc9, 3}, frame(tt.kind, 7, tt.room)); got != "c903" {
			t.Fatalf("got %s", got)
		}
		_, p, err := conn.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		f, err := wire.ParseFrame(p)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := wire.ParseExtension(f.Data); err != nil || e.Kind != wire.ExtRefusal || e.Code != tt.why || e.Text == "" {
			t.Errorf("%s: %+v, %v", tt.room, e, err)
		}
		if got := ask(t, conn); got[:2] != hex.EncodeToString([]byte{byte(tt.want)}) {
			t.Errorf("%s: %s instead of %d", tt.room, got, tt.want)
		}
	}
}

func TestAnOpenSocketOutlivesItsToken(t *testing.T) {
	url := start(t)
	end := time.Now().Add(-8500 * time.Millisecond) // 10 s are allowed for clocks
	conn := dial(t, url, sign(t, jwt.Claims{Host: true, Rooms: []string{"room"}, Until: end}))
	for time.Now().Before(end.Add(12 * time.Second)) {
		if got := ask(t, conn, []byte{0xca}); got != in {
			t.Fatalf("got %q", got)
		}
		time.Sleep(100 * time.Millisecond)
	}
	want := hex.EncodeToString(frame(wire.ServerInitialized, -1, "room"))
	if got := ask(t, conn, frame(wire.ServerInitialized, -1, "room")); got != want {
		t.Errorf("got %s", got)
	}
}

func TestWhatIsNotSigned(t *testing.T) {
	if _, err := jwt.New([]byte(secret[:31])); err == nil || strings.Contains(err.Error(), secret[:31]) {
		t.Errorf("a short secret: %v", err)
	}
	a := newAccess(t)
	if _, err := a.Sign(jwt.Claims{Host: true}); err == nil {
		t.Error("a token without an end was made")
	}
	if _, err := a.Sign(jwt.Claims{Until: time.Now(), Rooms: []string{strings.Repeat("x", 4000)}}); err == nil {
		t.Error("a token was made that no server takes")
	}
}

// Whatever a token is, it is denied with a word, and only what the secret signed
// gets in.
func FuzzAdmit(f *testing.F) {
	a := newAccess(f)
	good := sign(f, jwt.Claims{Host: true, Rooms: []string{"room"}, Until: time.Now().Add(1000 * time.Hour)})
	other, err := jwt.New([]byte("another secret, of 32 bytes or so"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(byHand(hs256, all, secret))
	f.Add(byHand(hs256, `{"exp":1}`, secret))
	f.Add(encode(`{"alg":"none"}`) + "." + encode(all) + ".")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := other.Admit(token, "/"); err == nil {
			t.Fatalf("%q was let in without the secret", token)
		}
		grant, err := a.Admit(token, "/")
		if err == nil && !signed(token) {
			t.Fatalf("%q was let in: %+v", token, grant)
		}
		if _, ok := err.(signaling.Denied); err != nil && (!ok || len(err.(signaling.Denied)) > 123) {
			t.Fatalf("%q: %v", token, err)
		}
	})
}

// signed tells whether the secret signed a token.
func signed(token string) bool {
	i := strings.LastIndexByte(token, '.')
	if i < 0 {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(token[:i]))
	given, err := base64.RawURLEncoding.DecodeString(token[i+1:])
	return err == nil && hmac.Equal(given, mac.Sum(nil))
}
