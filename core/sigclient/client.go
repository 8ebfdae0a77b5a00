// Package sigclient keeps a connection to a signaling server: it dials, pings,
// notices when the server is gone, and dials again with growing pauses.
package sigclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
)

// Options say where and how to connect. Only URL and Handler must be set.
type Options struct {
	URL     string
	Token   string // sent as ?userToken=
	TLS     *tls.Config
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

// Problem says what kind of failure it was.
type Problem int

// The kinds of failures.
const (
	Unreachable  Problem = iota // no answer, or no TLS
	TokenRefused                // the server does not accept the token
	Refused                     // it answered, but is no signaling server, or not at this path
	Lost                        // an open connection broke
)

// Error is why a connection ended or did not come about. Its text never holds
// the token.
type Error struct {
	Problem Problem
	Err     error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

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
	maxFrame     = 1 << 20
	sendQueue    = 512 // frames; beyond it the connection is given up
)

// Client keeps the connection. Create it with New; Close ends it.
type Client struct {
	options Options
	cancel  context.CancelFunc
	done    chan struct{}
	kick    chan struct{}

	mu  sync.Mutex
	out chan []byte // of the open connection, nil if there is none
}

// New starts connecting.
func New(ctx context.Context, o Options) *Client {
	ctx, cancel := context.WithCancel(ctx)
	c := &Client{options: o, cancel: cancel, done: make(chan struct{}), kick: make(chan struct{}, 1)}
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
		c.options.Handler.Down(err)
		if err.Problem == Lost && time.Since(began) > stableAfter {
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
	}
}

// once makes one connection and serves it until it ends.
func (c *Client) once(ctx context.Context) *Error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	out := make(chan []byte, sendQueue)
	c.mu.Lock()
	c.out = out
	c.mu.Unlock()
	var writing sync.WaitGroup
	writing.Go(func() { write(ctx, conn, out) })
	c.options.Handler.Up()
	err = c.read(conn)
	c.mu.Lock()
	if c.out != nil {
		close(c.out)
		c.out = nil
	}
	c.mu.Unlock()
	_ = conn.Close()
	writing.Wait()
	return err
}

func (c *Client) dial(ctx context.Context) (*websocket.Conn, *Error) {
	target, err := c.target()
	if err != nil {
		return nil, &Error{Refused, err}
	}
	dialer := websocket.Dialer{
		Proxy:            http.ProxyFromEnvironment,
		HandshakeTimeout: dialTimeout,
		TLSClientConfig:  c.options.TLS,
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, response, err := dialer.DialContext(ctx, target, nil)
	if err == nil {
		return conn, nil
	}
	if response != nil {
		problem := Refused
		if response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden {
			problem = TokenRefused
		}
		if response.StatusCode >= http.StatusInternalServerError {
			problem = Unreachable // a proxy whose server is restarting
		}
		return nil, &Error{problem, fmt.Errorf("the signaling server answered HTTP %d", response.StatusCode)}
	}
	return nil, &Error{Unreachable, fmt.Errorf("connecting to the signaling server: %w", withoutURL(err))}
}

// target is the URL with the token.
func (c *Client) target() (string, error) {
	u, err := url.Parse(c.options.URL)
	if err != nil {
		return "", errors.New("the signaling URL does not parse")
	}
	if c.options.Token != "" {
		q := u.Query()
		q.Set("userToken", c.options.Token)
		u.RawQuery = q.Encode()
	}
	u.Fragment = ""
	return u.String(), nil
}

// withoutURL drops the URL that net/url wraps around an error: it may hold the
// token.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
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

// closeError tells a refusal from a loss: servers of this protocol refuse by
// closing a socket that they accepted.
func closeError(err error, heard bool) *Error {
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		if closed.Code == websocket.ClosePolicyViolation {
			return &Error{TokenRefused, errors.New("the signaling server refused the token")}
		}
		if closed.Code == websocket.CloseNoStatusReceived && !heard {
			return &Error{Refused, errors.New("the signaling server knows no such path")}
		}
	}
	return &Error{Lost, fmt.Errorf("the connection to the signaling server broke: %w", err)}
}

// write sends what is queued, and pings, until out is closed.
func write(ctx context.Context, conn *websocket.Conn, out <-chan []byte) {
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
