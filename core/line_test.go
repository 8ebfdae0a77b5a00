package core_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// line is a TCP line to a server that can be cut, in the middle or at one end.
type line struct {
	t        *testing.T
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu    sync.Mutex
	down  bool
	wires []wirePair
}

// wirePair is one connection: from the client, and to the server.
type wirePair struct{ near, far *net.TCPConn }

func newLine(t *testing.T, target string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{t: t, listener: listener, target: target}
	l.running.Go(l.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		l.cut()
		l.running.Wait()
	})
	return l
}

func (l *line) address() string { return l.listener.Addr().String() }

func (l *line) accept() {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.connect(conn.(*net.TCPConn))
	}
}

func (l *line) connect(near *net.TCPConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	far, err := net.Dial("tcp", l.target)
	if l.down || err != nil {
		_ = near.Close()
		if err == nil {
			_ = far.Close()
		}
		return
	}
	w := wirePair{near, far.(*net.TCPConn)}
	l.wires = append(l.wires, w)
	l.running.Go(func() { _, _ = io.Copy(w.near, w.far) })
	l.running.Go(func() { _, _ = io.Copy(w.far, w.near) })
}

// cut breaks every connection at both ends, and lets none be made until mend.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for _, w := range l.wires {
		reset(w.near)
		reset(w.far)
	}
	l.wires = nil
}

// halve breaks every connection at the client's end alone: to the server it looks
// alive, and silent.
func (l *line) halve() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.wires {
		reset(w.near)
	}
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}

func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}
