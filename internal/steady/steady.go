// Package steady has listeners and sockets that end only when they are closed,
// for those who would take any error for the end: a process that is out of files
// for a moment, or one datagram that is too large, which is an error on Windows.
package steady

import (
	"errors"
	"net"
	"sync"
	"time"
)

// Between one try and the next after an error: twice as long each time.
const (
	firstPause = 5 * time.Millisecond
	mostPause  = time.Second
)

// Listener returns l with an Accept that tries again until l is closed.
func Listener(l net.Listener) net.Listener {
	return &listener{Listener: l, closed: make(chan struct{})}
}

type listener struct {
	net.Listener
	once   sync.Once
	closed chan struct{}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		c, err := l.Listener.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return c, err
		}
		select {
		case <-l.closed:
			return nil, net.ErrClosed
		case <-time.After(pause):
		}
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// Socket returns s with a ReadFrom that passes over errors of single datagrams.
func Socket(s net.PacketConn) net.PacketConn { return socket{s} }

type socket struct{ net.PacketConn }

// mostErrors in a row, each of which might be that of a single datagram, mean that
// the socket itself is broken.
const mostErrors = 64

// ReadFrom implements net.PacketConn.
func (s socket) ReadFrom(p []byte) (n int, from net.Addr, err error) {
	for range mostErrors {
		n, from, err = s.PacketConn.ReadFrom(p)
		if err == nil || errors.Is(err, net.ErrClosed) || timedOut(err) {
			break
		}
	}
	return n, from, err
}

func timedOut(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}
