package core_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// line is a TCP line to a server that can be cut, in the middle or at one end.
type line struct {
	t        *testing.T
	listener net.Listener
	target   string
	running  sync.WaitGroup

	deaf, dumb atomic.Bool  // what comes from, and goes to, the server is swallowed
	swallowed  atomic.Int32 // so often

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
	l.running.Go(func() { l.copy(w.near, w.far, &l.deaf) })
	l.running.Go(func() { l.copy(w.far, w.near, &l.dumb) })
}

// copy passes on what comes, or swallows it while the line does so.
func (l *line) copy(to, from *net.TCPConn, swallows *atomic.Bool) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if swallows.Load() {
			l.swallowed.Add(1)
		} else if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// awaitLoss waits until something was swallowed.
func (l *line) awaitLoss() {
	l.t.Helper()
	for deadline := time.Now().Add(patience); l.swallowed.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatal("nothing came over the line")
		}
	}
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
	l.deaf.Store(false)
	l.dumb.Store(false)
}

func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}
