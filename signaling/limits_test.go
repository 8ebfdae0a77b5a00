package signaling_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
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

// Each limit that ends a socket says so in its own way.

func TestIdleSocketsAreClosed(t *testing.T) {
	url := start(t, signaling.Config{PingInterval: 50 * time.Millisecond, Limits: signaling.Limits{Idle: 200 * time.Millisecond}})
	host, guest := dial(t, url, "/"), dial(t, url, "/")
	host.send(listen("room"))
	host.expect(listen("room"))
	guest.send(connect("0100", "room"))
	guest.expect("06000100")
	beating := dial(t, url, "/")
	stop := make(chan struct{})
	defer close(stop)
	go func() { // heartbeats are nothing to do
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				_ = beating.conn.WriteMessage(websocket.BinaryMessage, []byte{0xca})
			}
		}
	}()
	for _, s := range []*socket{host, guest} { // pongs are sent while one reads
		go func() {
			for {
				if _, _, err := s.conn.ReadMessage(); err != nil {
					return
				}
			}
		}()
	}
	silent := dial(t, url, "/")
	done := make(chan struct{})
	go func() {
		defer close(done)
		silent.closed(4001, "Idle")
	}()
	beating.closed(4001, "Idle")
	<-done
	late := dial(t, url, "/") // those with a room and a link are still there
	late.send(connect("0100", "room"))
	late.expect("06000100")
	guest.send("02010100 01000000 aa", "08000100")
}

func TestRoomsAreLimited(t *testing.T) {
	url := start(t, signaling.Config{
		Apps:   []signaling.App{{Name: "a", Path: "/"}, {Name: "b", Path: "/b"}},
		Limits: signaling.Limits{Rooms: 2},
	})
	a, b, c := dial(t, url, "/"), dial(t, url, "/b"), dial(t, url, "/")
	a.send(listen("one"))
	a.expect(listen("one"))
	b.send(listen("two"))
	b.expect(listen("two"))
	a.send(listen("instead"))
	a.expect("0500ffff", listen("instead"))
	c.send(listen("three"))
	c.closed(4003, "Too many rooms")
	b.send("0500ffff")
	b.expect("0500ffff")
	d := dial(t, url, "/")
	d.send(listen("three"))
	d.expect(listen("three"))
}

func TestLinksAreLimited(t *testing.T) {
	url := start(t, signaling.Config{Limits: signaling.Limits{LinksPerPeer: 2}})
	a, b, c := dial(t, url, "/"), dial(t, url, "/"), dial(t, url, "/")
	a.send(listen("a"))
	a.expect(listen("a"))
	b.send(listen("b"))
	b.expect(listen("b"))
	c.send(connect("0100", "a"), connect("0200", "a"), connect("0300", "a"))
	c.expect("06000100", "06000200", "07000300") // the listener has enough
	c.send(connect("0300", "b"))
	c.closed(4501, "Too many links")
	a.expect("06000040", "06000140")
	a.next(8)
	a.next(8)
	d := dial(t, url, "/")
	d.send(connect("0100", "a"))
	d.expect("06000100")
}

func TestLinksInAllAreLimited(t *testing.T) {
	url := start(t, signaling.Config{Limits: signaling.Limits{Links: 1}})
	a, b := dial(t, url, "/"), dial(t, url, "/")
	a.send(listen("a"))
	a.expect(listen("a"))
	b.send(connect("0100", "a"), connect("0200", "a"), "08000100", connect("0200", "a"))
	b.expect("06000100", "07000200", "08000100", "06000200")
}

func TestAMessageThatNeverEndsEnds(t *testing.T) {
	url := start(t, signaling.Config{PingInterval: 100 * time.Millisecond, Limits: signaling.Limits{Message: 200 * time.Millisecond}})
	s := dial(t, url, "/")
	stop := make(chan struct{})
	defer close(stop)
	go func() { // fragment after fragment, each empty
		frame := []byte{0x02, 0x80, 0, 0, 0, 0}
		for {
			if _, err := s.conn.NetConn().Write(frame); err != nil {
				return
			}
			frame[0] = 0
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	s.conn.SetPingHandler(func(string) error { // a control frame may come between fragments
		_, err := s.conn.NetConn().Write([]byte{0x8a, 0x80, 0, 0, 0, 0})
		return err
	})
	s.closed(4005, "Message took too long")
}

// What is not complete yet and what is not read count together.
func TestTheServerHoldsSoMuch(t *testing.T) {
	url := start(t, signaling.Config{Limits: signaling.Limits{Buffered: 256 << 10}})
	first, second := dial(t, url, "/"), dial(t, url, "/")
	half := append([]byte{0x82, 0xff, 0, 0, 0, 0, 0, 0x0f, 0, 0, 0, 0, 0, 0}, make([]byte, 300<<10)...)
	if _, err := first.conn.NetConn().Write(half); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = second.conn.NetConn().Write(half) }()
	ended := make(chan error, 2)
	for _, s := range []*socket{first, second} {
		go func() {
			_, _, err := s.conn.ReadMessage()
			ended <- err
		}()
	}
	if err := <-ended; !websocket.IsCloseError(err, 4004) {
		t.Errorf("one too many: %v", err)
	}
	other := dial(t, url, "/")
	other.send(listen("room")) // small ones have room all the same
	other.expect(listen("room"))
	_ = first.conn.Close()
	_ = second.conn.Close()
	<-ended
}

// One that takes a little now and then holds those who send to it, but not for
// ever.
func TestASlowReaderIsClosed(t *testing.T) {
	url := start(t, signaling.Config{Limits: signaling.Limits{Slow: time.Second, BytesPerSecond: -1}})
	slow, fast := dial(t, url, "/"), dial(t, url, "/")
	slow.send(listen("room"))
	slow.expect(listen("room"))
	fast.send(connect("0100", "room"))
	fast.expect("06000100")
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		few := make([]byte, 1000)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				if _, err := slow.conn.NetConn().Read(few); err != nil {
					return
				}
			}
		}
	}()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fast.expect("08000100")
	}()
	frame := make([]byte, 1<<16)
	copy(frame, []byte{2, 1, 1, 0, 0xf8, 0xff, 0, 0})
	_ = fast.conn.SetWriteDeadline(time.Now().Add(patience))
	for {
		select {
		case <-ended:
			return
		default:
		}
		if err := fast.conn.WriteMessage(websocket.BinaryMessage, frame); err != nil {
			t.Fatalf("the slow reader was not closed: %v", err)
		}
	}
}

// Pongs, pings and frames count alike: what comes after too many of them has to
// wait.
func TestWhoSendsTooMuchIsHeldBack(t *testing.T) {
	url := start(t, signaling.Config{Limits: signaling.Limits{FramesPerSecond: 50}})
	for _, frame := range []string{"\x82\x81\x00\x00\x00\x00\xca", "\x89\x80\x00\x00\x00\x00", "\x8a\x80\x00\x00\x00\x00"} {
		s := dial(t, url, "/")
		began := time.Now()
		const version = "\x82\x82\x00\x00\x00\x00\xc9\x02"
		if _, err := s.conn.NetConn().Write([]byte(strings.Repeat(frame, 225) + version)); err != nil {
			t.Fatal(err)
		}
		_ = s.conn.SetReadDeadline(time.Now().Add(patience))
		for answer := byte(0); answer != 0xc9; {
			_, p, err := s.conn.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			answer = p[0]
		}
		// 200 may come at once, 50 a second after that.
		if took := time.Since(began); took < 400*time.Millisecond {
			t.Errorf("%q: 226 of them were dealt with in %v", frame, took)
		}
		_ = s.conn.Close()
	}
}

// A connection that breaks is nobody's fault.
func TestABrokenConnectionIsNoRefusal(t *testing.T) {
	o := &counting{ended: make(chan struct{}, 1)}
	url := start(t, signaling.Config{Observer: o})
	s := dial(t, url, "/")
	s.silent()
	tcp, ok := s.conn.NetConn().(*net.TCPConn)
	if !ok {
		t.Fatal("not TCP")
	}
	_ = tcp.SetLinger(0) // reset
	_ = tcp.Close()
	<-o.ended
	if n := o.refused.Load(); n != 0 {
		t.Errorf("%d refusals", n)
	}
}

// counting is an Observer that counts refusals and hears when a socket has ended.
type counting struct {
	refused atomic.Int64
	ended   chan struct{}
}

func (*counting) Connected(string)             {}
func (c *counting) Disconnected(string)        { c.ended <- struct{}{} }
func (c *counting) Refused(signaling.Refusal)  { c.refused.Add(1) }
func (*counting) Rooms(string, int)            {}
func (*counting) Links(string, int)            {}
func (*counting) Received(wire.FrameType, int) {}
func (*counting) Sent(wire.FrameType, int)     {}
func (*counting) Relayed(time.Duration)        {}
