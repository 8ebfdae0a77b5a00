package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"unityp2p/internal/steady"
)

// oneTLS lets players who may use port 443 alone have signaling and TURN there:
// it does the TLS handshake of both, and the first byte tells which it is. What
// RFC 8489 section 5 begins with is never the first byte of an HTTP request.
//
// It is the net.Listener of the HTTP server.
type oneTLS struct {
	net.Listener
	http *http.Server
	turn func(net.Conn)

	web     chan net.Conn
	ctx     context.Context
	end     context.CancelFunc
	running sync.WaitGroup
}

// newOneTLS makes the listener that h is to serve. Its limits of how many
// connections may wait, and how long, hold here too: those that have not said
// what they are count as the new ones of h.
func newOneTLS(l net.Listener, h *http.Server, turn func(net.Conn)) *oneTLS {
	o := &oneTLS{Listener: steady.Listener(l), http: h, turn: turn, web: make(chan net.Conn)}
	o.withTLS()
	o.ctx, o.end = context.WithCancel(context.Background())
	o.running.Go(o.accept)
	return o
}

func (o *oneTLS) accept() {
	defer o.end()
	for {
		c, err := o.Listener.Accept()
		if err != nil {
			return
		}
		o.http.ConnState(c, http.StateNew) // which may end the oldest
		o.running.Go(func() { o.greet(c) })
	}
}

// greet shakes hands, and brings the connection to whom it is for.
func (o *oneTLS) greet(raw net.Conn) {
	stop := context.AfterFunc(o.ctx, func() { _ = raw.Close() })
	defer stop()
	_ = raw.SetDeadline(time.Now().Add(o.http.ReadHeaderTimeout))
	c := &begunConn{Conn: tls.Server(raw, o.http.TLSConfig)}
	err := c.begin()
	o.http.ConnState(raw, http.StateClosed) // for itself; what comes of it counts anew
	if err != nil {
		_ = raw.Close()
		return
	}
	_ = raw.SetDeadline(time.Time{})
	if c.first[0] < ' ' {
		o.turn(c)
		return
	}
	select {
	case o.web <- c:
	case <-o.ctx.Done():
		_ = raw.Close()
	}
}

// Accept implements net.Listener.
func (o *oneTLS) Accept() (net.Conn, error) {
	select {
	case c := <-o.web:
		return c, nil
	case <-o.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. It waits for those who have not said what they
// are, whom it ends.
func (o *oneTLS) Close() error {
	err := o.Listener.Close()
	o.end()
	o.running.Wait()
	return err
}

// begunConn is a TLS connection of which the first byte was read.
type begunConn struct {
	*tls.Conn
	first []byte // until it is read again
}

func (c *begunConn) begin() error {
	c.first = make([]byte, 1)
	_, err := io.ReadFull(c.Conn, c.first)
	return err
}

// Read implements net.Conn.
func (c *begunConn) Read(p []byte) (int, error) {
	if len(c.first) > 0 && len(p) > 0 {
		p[0] = c.first[0]
		c.first = nil
		return 1, nil
	}
	return c.Conn.Read(p)
}

// begunKey finds the connection of a request.
type begunKey struct{}

// withTLS tells a server what it would have noted by itself, had it been given
// the connection as it is.
func (o *oneTLS) withTLS() {
	h := o.http
	h.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, begunKey{}, c)
	}
	inner := h.Handler
	h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(begunKey{}).(*begunConn); ok {
			state := c.ConnectionState()
			r.TLS = &state
		}
		inner.ServeHTTP(w, r)
	})
}
