package signaling_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/signaling"
)

func TestThereIsRoomForSoMany(t *testing.T) {
	for _, c := range []struct {
		limits signaling.Limits
		status int
	}{
		{signaling.Limits{Connections: 2}, http.StatusServiceUnavailable},
		{signaling.Limits{ConnectionsPerAddress: 2}, http.StatusTooManyRequests},
	} {
		url := start(t, signaling.Config{Limits: c.limits})
		a, b := dial(t, url, "/"), dial(t, url, "/")
		ws := strings.Replace(url, "http", "ws", 1)
		_, response, err := websocket.DefaultDialer.Dial(ws, nil)
		if err == nil || response == nil || response.StatusCode != c.status || response.Header.Get("Retry-After") == "" {
			t.Fatalf("%+v: one too many: %v, %v", c.limits, response, err)
		}
		a.silent()
		_ = b.conn.Close()
		for deadline := time.Now().Add(patience); ; {
			conn, _, err := websocket.DefaultDialer.Dial(ws, nil)
			if err == nil {
				_ = conn.Close()
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%+v: no room although one has left: %v", c.limits, err)
			}
		}
	}
}

func TestOrigins(t *testing.T) {
	url := start(t, signaling.Config{Origins: []string{"https://example.org", "http://localhost:8080/"}})
	ws := strings.Replace(url, "http", "ws", 1)
	for origin, allowed := range map[string]bool{
		"https://example.org": true, "https://EXAMPLE.org": true, "http://localhost:8080": true, "": true,
		"http://example.org": false, "https://example.org.evil.example": false, "https://example.org:444": false, "null": false,
	} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		conn, _, err := websocket.DefaultDialer.Dial(ws, header)
		if err != nil {
			t.Fatal(err)
		}
		s := &socket{t, conn}
		if allowed {
			s.silent()
		} else {
			s.closed(4500, "Origin not allowed")
		}
		_ = conn.Close()
	}
	for _, wrong := range []string{"example.org", "https://", "https://example.org/page", "*", "https://a:b@example.org"} {
		if _, err := signaling.New(signaling.Config{Origins: []string{wrong}}); err == nil {
			t.Errorf("%q is taken for an origin", wrong)
		}
	}
}

// serveStrangers serves with HTTPServer, as the program does.
func serveStrangers(t *testing.T, c signaling.Config) (address string) {
	t.Helper()
	s, err := signaling.New(c)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewUnstartedServer(nil)
	h.Config = s.HTTPServer(nil)
	h.Start()
	t.Cleanup(func() {
		h.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return h.Listener.Addr().String()
}

// Those who open connections and say nothing keep nobody out: the oldest of them
// has to go, and each of them some time.
func TestSlowHandshakes(t *testing.T) {
	address := serveStrangers(t, signaling.Config{Limits: signaling.Limits{Waiting: 10, Handshake: time.Second}})
	var slow []net.Conn
	for range 15 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")
		slow = append(slow, c)
		s := dial(t, "http://"+address, "/")
		s.silent()
		_ = s.conn.Close()
	}
	for i, c := range slow {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Fatalf("connection %d may stay for ever: %v", i, err)
		}
	}
}
