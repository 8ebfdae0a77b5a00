package signaling_test

import (
	"context"
	"encoding/hex"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/signaling"
)

const patience = 30 * time.Second

// start serves a configuration on loopback.
func start(t *testing.T, c signaling.Config) (url string) {
	t.Helper()
	s, err := signaling.New(c)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		h.Close()
	})
	return h.URL
}

// socket is a client that speaks in hexadecimal.
type socket struct {
	t    *testing.T
	conn *websocket.Conn
}

func dial(t *testing.T, url, path string) *socket {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial(strings.Replace(url, "http", "ws", 1)+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &socket{t, conn}
}

func (s *socket) send(frames ...string) {
	s.t.Helper()
	for _, f := range frames {
		p, err := hex.DecodeString(strings.ReplaceAll(f, " ", ""))
		if err != nil {
			s.t.Fatal(err)
		}
		if err := s.conn.WriteMessage(websocket.BinaryMessage, p); err != nil {
			s.t.Fatal(err)
		}
	}
}

// expect reads one frame for each argument.
func (s *socket) expect(frames ...string) {
	s.t.Helper()
	for _, want := range frames {
		_ = s.conn.SetReadDeadline(time.Now().Add(patience))
		kind, p, err := s.conn.ReadMessage()
		if err != nil {
			s.t.Fatalf("waiting for %s: %v", want, err)
		}
		if got := hex.EncodeToString(p); kind != websocket.BinaryMessage || got != strings.ReplaceAll(want, " ", "") {
			s.t.Fatalf("got %s, want %s", got, want)
		}
	}
}

// silent checks that nothing is waiting: the answer to a heartbeat comes next.
func (s *socket) silent() {
	s.t.Helper()
	s.send("ca")
	s.expect("ca")
}

// closed reads until the close frame and checks its code and text.
func (s *socket) closed(code int, text string) {
	s.t.Helper()
	_ = s.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		_, _, err := s.conn.ReadMessage()
		if err == nil {
			continue
		}
		c, ok := err.(*websocket.CloseError)
		if !ok || c.Code != code || (text != "" && c.Text != text) {
			s.t.Fatalf("ended with %v; want code %d %q", err, code, text)
		}
		return
	}
}

// address encodes text as the data of a listen or connect frame.
func address(text string) string {
	var b strings.Builder
	n := len(text)
	b.WriteString(hex.EncodeToString([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}))
	for i := range n {
		b.WriteString(hex.EncodeToString([]byte{text[i], 0}))
	}
	return b.String()
}

func listen(text string) string      { return "0302ffff" + address(text) }
func refused(text string) string     { return "0402ffff" + address(text) }
func connect(id, text string) string { return "0602" + id + address(text) }

// pair returns a listener and a connector that are linked: the listener's id is
// 16384, the connector's 1.
func pair(t *testing.T) (listener, connector *socket) {
	t.Helper()
	url := start(t, signaling.Config{})
	listener, connector = dial(t, url, "/"), dial(t, url, "/")
	listener.send(listen("room"))
	listener.expect(listen("room"))
	connector.send(connect("0100", "room"))
	listener.expect("06000040")
	connector.expect("06000100")
	return listener, connector
}
