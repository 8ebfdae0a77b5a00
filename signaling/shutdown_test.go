package signaling_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/signaling"
)

func TestShutdownTellsEverySocket(t *testing.T) {
	s, err := signaling.New(signaling.Config{})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	defer h.Close()
	done := make(chan struct{})
	const sockets = 20
	for range sockets {
		c := dial(t, h.URL, "/")
		c.silent()
		go func() {
			defer func() { done <- struct{}{} }() // also if it failed
			c.closed(websocket.CloseServiceRestart, "Service restart")
			_ = c.conn.Close()
		}()
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	for range sockets {
		<-done
	}
	if err := s.Shutdown(context.Background()); err != nil { // again
		t.Error(err)
	}
	_, response, err := websocket.DefaultDialer.Dial(strings.Replace(h.URL, "http", "ws", 1), nil)
	if err == nil || response == nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a socket after the end: %v, %v", response, err)
	}
}

// Sockets that take nothing do not hold Shutdown up beyond its context, and none
// of the server's goroutines is left.
func TestShutdownEndsWithItsContext(t *testing.T) {
	before := runtime.NumGoroutine()
	s, err := signaling.New(signaling.Config{})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Server{Handler: s, ReadHeaderTimeout: time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = web.Serve(listener)
	}()
	url := "http://" + listener.Addr().String()
	var conns []*websocket.Conn
	for _, name := range []string{"a", "b", "c", "d"} {
		slow, fast := dial(t, url, "/"), dial(t, url, "/")
		slow.send(listen(name))
		slow.expect(listen(name))
		fast.send(connect("0100", name))
		slow.expect("06000040")
		fast.expect("06000100")
		frame := make([]byte, 1<<20)
		copy(frame, []byte{2, 1, 1, 0, 0xf8, 0xff, 0x0f, 0})
		_ = fast.conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		for range 64 { // until nothing moves any more
			if fast.conn.WriteMessage(websocket.BinaryMessage, frame) != nil {
				break
			}
		}
		conns = append(conns, slow.conn, fast.conn)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = web.Close()
	if err := s.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-served
	for _, c := range conns {
		_ = c.Close()
	}
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			all := make([]byte, 1<<20)
			t.Fatalf("goroutines left:\n%s", all[:runtime.Stack(all, true)])
		}
		runtime.Gosched()
	}
}

// After a sleep, those who answer stay, and those who do not are gone long before
// the next ordinary ping, and their rooms with them.
func TestCheckFindsTheDead(t *testing.T) {
	s, err := signaling.New(signaling.Config{PingInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	defer h.Close()
	defer func() { _ = s.Shutdown(context.Background()) }()
	dead := dial(t, h.URL, "/")
	dead.conn.SetPingHandler(func(string) error { return nil })
	dead.silent()
	alive := dial(t, h.URL, "/")
	alive.silent()
	pinged := make(chan struct{}, 2)
	answer := alive.conn.PingHandler()
	alive.conn.SetPingHandler(func(data string) error {
		pinged <- struct{}{}
		return answer(data)
	})
	heard := make(chan error, 1)
	go func() {
		_, _, err := alive.conn.ReadMessage()
		heard <- err
	}()
	s.Check()
	dead.closed(websocket.CloseNormalClosure, "Done")
	<-pinged
	s.Check() // and again
	<-pinged
	alive.send("ca")
	if err := <-heard; err != nil {
		t.Error(err)
	}
}
