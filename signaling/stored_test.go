package signaling

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
)

// What lies in the server is counted down again, however its sockets end: else it
// would be full some day, of nothing.
func TestNothingStaysStored(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	defer h.Close()
	dial := func() *websocket.Conn {
		c, _, err := websocket.DefaultDialer.Dial(strings.Replace(h.URL, "http", "ws", 1), nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	name := []byte(wire.AddressOf("room"))
	deaf, loud, half := dial(), dial(), dial()
	write := func(c *websocket.Conn, f wire.Frame) bool {
		_ = c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		return c.WriteMessage(websocket.BinaryMessage, f.Append(nil)) == nil
	}
	write(deaf, wire.Frame{Type: wire.ServerInitialized, DataType: wire.Text, Data: name})
	if _, _, err := deaf.ReadMessage(); err != nil {
		t.Fatal(err)
	}
	write(loud, wire.Frame{Type: wire.NewConnection, DataType: wire.Text, ID: 1, Data: name})
	large := wire.Frame{Type: wire.ReliableMessage, DataType: wire.Bytes, ID: 1, Data: make([]byte, 1<<18)}
	for write(loud, large) {
		if s.stored.Load() > 1<<20 {
			break
		}
	}
	_, _ = half.NetConn().Write(append([]byte{0x82, 0xff, 0, 0, 0, 0, 0, 0x0f, 0, 0, 0, 0, 0, 0}, make([]byte, 100<<10)...))
	if s.stored.Load() == 0 {
		t.Error("nothing is stored: the test has no sense")
	}
	for _, c := range []*websocket.Conn{deaf, loud, half} {
		_ = c.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if n := s.stored.Load(); n != 0 {
		t.Errorf("%d bytes are counted, and nobody is there", n)
	}
	if s.gate.inside != 0 || len(s.sockets) != 0 {
		t.Errorf("%d sockets are counted, %d known", s.gate.inside, len(s.sockets))
	}
}
