// Package sigclient keeps a connection to a signaling server: it dials, pings,
// notices when the server is gone, and dials again with growing pauses.
package sigclient

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
)

// Options say where and how to connect. Only URL and Handler must be set.
type Options struct {
	URL     string
	Token   string      // sent in the header, and as ?userToken= to servers that want it there
	TLS     *tls.Config // nil: the system's roots
	Pin     *Pin        // nil: what TLS says is trusted
	Handler Handler
}

// Handler hears of the connection, from one goroutine.
type Handler interface {
	// Up: connected. Frames may be sent.
	Up()
	// Frame takes one frame; its data is valid only during the call.
	Frame(f wire.Frame)
	// Down: the connection broke or could not be made; it is tried again.
	Down(err *Error)
}

// Times. Platforms cut connections that are idle for 55 s; a ping every 20 s
// keeps them, and two missed ones mean that the server is gone.
const (
	pingEvery    = 20 * time.Second
	readTimeout  = 45 * time.Second
	writeTimeout = 10 * time.Second
	dialTimeout  = 15 * time.Second
	stableAfter  = 5 * time.Second // a connection that lasted this long resets the pauses
	firstPause   = 250 * time.Millisecond
	longestPause = 10 * time.Second
	urgentTCP    = 1200 * time.Millisecond // the system would try again a second later, then two, four …
	urgentDial   = 6 * time.Second
	urgentPause  = 400 * time.Millisecond // at most
	probeTime    = 1500 * time.Millisecond
	maxFrame     = 1 << 20
	sendQueue    = 512 // frames; beyond it the connection is given up
)

// Client keeps the connection. Create it with New; Close ends it.
type Client struct {
	options Options
	cancel  context.CancelFunc
	done    chan struct{}
	kick    chan struct{}
	probe   chan struct{}
	urgent  atomic.Bool

	tokenInURL bool // the server looks for the token there; the run loop's

	mu   sync.Mutex
	out  chan []byte     // of the open connection, nil if there is none
	conn *websocket.Conn // it
}

// New starts connecting.
func New(ctx context.Context, o Options) *Client {
	ctx, cancel := context.WithCancel(ctx)
	c := &Client{options: o, cancel: cancel, done: make(chan struct{}), kick: make(chan struct{}, 1), probe: make(chan struct{}, 1)}
	go c.run(ctx)
	return c
}

// Close ends the connection and waits until the handler is called no more. It
// must not be called from the handler.
func (c *Client) Close() {
	c.cancel()
	<-c.done
}

// Retry cuts short the pause before the next attempt, if there is one.
func (c *Client) Retry() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// SetUrgent makes attempts shorter and pauses too: somebody waits for the server.
func (c *Client) SetUrgent(urgent bool) {
	c.urgent.Store(urgent)
	if urgent {
		c.Retry()
	}
}

// Urgent is what SetUrgent said last.
func (c *Client) Urgent() bool { return c.urgent.Load() }

// Probe gives the connection up if the server does not answer a ping soon: there is
// reason to doubt it.
func (c *Client) Probe() {
	select {
	case c.probe <- struct{}{}:
	default:
	}
}

// Reset gives the connection up at once, if there is one.
func (c *Client) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		_ = c.conn.Close()
	}
	c.Retry()
}

// LocalAddress returns the IP address at which the connection begins, "" if there is
// none.
func (c *Client) LocalAddress() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return ""
	}
	host, _, _ := net.SplitHostPort(c.conn.LocalAddr().String())
	return host
}

// Send queues a frame. It reports false if there is no connection, or if the
// server takes nothing any more; then Down follows.
func (c *Client) Send(f wire.Frame) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out == nil {
		return false
	}
	select {
	case c.out <- f.Append(nil):
		return true
	default:
		close(c.out)
		c.out = nil
		return false
	}
}

func (c *Client) run(ctx context.Context) {
	defer close(c.done)
	pause := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		err := c.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if err.Problem == TokenRefused && c.elsewhere(err) {
			err.Problem = Again
		}
		c.options.Handler.Down(err)
		switch err.Problem {
		case Again:
			continue
		case Ended:
			return
		}
		if (err.Problem == Lost || err.Problem == Limited) && time.Since(began) > stableAfter {
			pause = firstPause
		}
		// Jitter keeps the members of many rooms from returning to a restarted
		// server all at once.
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-timer.C:
		case <-c.kick:
		case <-ctx.Done():
		}
		timer.Stop()
		pause = min(2*pause, longestPause)
		if c.urgent.Load() {
			pause = min(pause, urgentPause)
		}
	}
}

// once makes one connection and serves it until it ends.
func (c *Client) once(ctx context.Context) *Error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	out := make(chan []byte, sendQueue)
	// Said first, and nothing waits for the answer: a server of the original
	// protocol ignores it.
	out <- wire.Frame{Type: wire.VersionFrame, Version: wire.ExtendedVersion}.Append(nil)
	c.mu.Lock()
	c.out, c.conn = out, conn
	c.mu.Unlock()
	var writing sync.WaitGroup
	writing.Go(func() { write(ctx, conn, out, c.probe) })
	c.options.Handler.Up()
	err = c.read(conn)
	c.mu.Lock()
	if c.out != nil {
		close(c.out)
		c.out = nil
	}
	c.conn = nil
	c.mu.Unlock()
	_ = conn.Close()
	writing.Wait()
	return err
}

// read hands frames to the handler until the connection ends.
func (c *Client) read(conn *websocket.Conn) *Error {
	conn.SetReadLimit(maxFrame)
	alive := func() { _ = conn.SetReadDeadline(time.Now().Add(readTimeout)) }
	alive()
	conn.SetPongHandler(func(string) error { alive(); return nil })
	ping := conn.PingHandler()
	conn.SetPingHandler(func(data string) error { alive(); return ping(data) })
	heard := false
	for {
		kind, data, err := conn.ReadMessage()
		if err != nil {
			return closeError(err, heard)
		}
		alive()
		if kind != websocket.BinaryMessage {
			continue
		}
		f, err := wire.ParseFrame(data)
		if err != nil {
			continue // as the reference does
		}
		heard = true
		c.options.Handler.Frame(f)
	}
}

// write sends what is queued, and pings, until out is closed.
func write(ctx context.Context, conn *websocket.Conn, out <-chan []byte, probe <-chan struct{}) {
	defer conn.Close()
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case p, ok := <-out:
			if !ok || send(conn, websocket.BinaryMessage, p) != nil {
				return
			}
		case <-ticker.C:
			if send(conn, websocket.PingMessage, nil) != nil {
				return
			}
		case <-probe:
			_ = conn.SetReadDeadline(time.Now().Add(probeTime)) // until something comes
			if send(conn, websocket.PingMessage, nil) != nil {
				return
			}
		case <-ctx.Done():
			drain(conn, out)
			_ = send(conn, websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
			return
		}
	}
}

func send(conn *websocket.Conn, kind int, p []byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return conn.WriteMessage(kind, p)
}

// drain sends what was queued before the end, such as the leaving of a room.
func drain(conn *websocket.Conn, out <-chan []byte) {
	for {
		select {
		case p, ok := <-out:
			if !ok || send(conn, websocket.BinaryMessage, p) != nil {
				return
			}
		default:
			return
		}
	}
}
