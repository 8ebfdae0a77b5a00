package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
)

const (
	maxFrame   = 1 << 20
	maxWaiting = 256 // frames; a server that sends more unasked has to wait
)

// socket is one WebSocket. Its goroutine reads all the time, so that pings are
// answered; close ends it.
type socket struct {
	conn   *websocket.Conn
	frames chan wire.Frame
	ending chan struct{} // closed by close
	ended  chan struct{} // closed when nothing is read any more
	err    error         // why; after ended
	pings  atomic.Int32  // that came
}

// open makes a socket. If the server answers with anything but an upgrade, that
// answer is returned too.
func (v *visit) open(ctx context.Context) (*socket, *http.Response, error) {
	target, header := *v.url, http.Header{}
	if v.Token != "" {
		if header.Set("Authorization", "Bearer "+v.Token); v.tokenInURL {
			q := target.Query()
			q.Set("userToken", v.Token)
			target.RawQuery = q.Encode()
		}
	}
	dialer := websocket.Dialer{
		NetDialContext:   func(ctx context.Context, _, _ string) (net.Conn, error) { return v.dial(ctx) },
		TLSClientConfig:  v.trust(),
		HandshakeTimeout: v.Patience,
	}
	conn, response, err := dialer.DialContext(ctx, target.String(), header)
	if err != nil {
		return nil, response, err
	}
	conn.SetReadLimit(maxFrame)
	s := &socket{conn: conn, frames: make(chan wire.Frame, maxWaiting), ending: make(chan struct{}), ended: make(chan struct{})}
	pong := conn.PingHandler()
	conn.SetPingHandler(func(data string) error {
		s.pings.Add(1)
		return pong(data)
	})
	go s.read()
	return s, nil, nil
}

func (s *socket) read() {
	defer close(s.ended)
	for {
		kind, data, err := s.conn.ReadMessage()
		if err != nil {
			s.err = err
			return
		}
		f, err := wire.ParseFrame(data)
		if kind != websocket.BinaryMessage || err != nil {
			continue // as clients do
		}
		select {
		case s.frames <- f:
		case <-s.ending:
			s.err = net.ErrClosed
			return
		}
	}
}

// close ends the socket, and waits for a moment until the server has ended it too:
// then the room is free again for whoever checks next.
func (s *socket) close() {
	soon := time.Now().Add(time.Second)
	if s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), soon) != nil {
		soon = time.Now()
	}
	_ = s.conn.SetReadDeadline(soon)
	close(s.ending)
	<-s.ended
	_, _ = io.Copy(io.Discard, s.conn.NetConn())
	_ = s.conn.Close()
}

func (s *socket) send(patience time.Duration, frames ...wire.Frame) error {
	for _, f := range frames {
		if err := s.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if err := s.conn.WriteMessage(websocket.BinaryMessage, f.Append(nil)); err != nil {
			return s.lost(err)
		}
	}
	return nil
}

// errSilent is returned by await.
var errSilent = errors.New("no answer")

// await returns the first frame that is wanted. Others are passed over.
func (s *socket) await(ctx context.Context, patience time.Duration, wanted func(wire.Frame) bool) (wire.Frame, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case f := <-s.frames:
			if wanted(f) {
				return f, nil
			}
			continue
		default:
		}
		select {
		case f := <-s.frames:
			if wanted(f) {
				return f, nil
			}
		case <-s.ended:
			return wire.Frame{}, s.lost(s.err)
		case <-timer.C:
			return wire.Frame{}, errSilent
		case <-ctx.Done():
			return wire.Frame{}, ctx.Err()
		}
	}
}

// lost explains why a socket ended.
func (s *socket) lost(err error) error {
	select {
	case <-s.ended: // what was read last says more than what could not be written
		err = s.err
	case <-time.After(time.Second):
	}
	var closed *websocket.CloseError
	if !errors.As(err, &closed) || closed.Code == websocket.CloseAbnormalClosure {
		return failed("Something between here and the server cuts the connection, or the server ended.", "the connection broke: %v", err)
	}
	return closing(closed)
}

// closing explains a close frame. docs/protocol.md has the codes of the server.
func closing(c *websocket.CloseError) error {
	says := fmt.Sprintf("the server closes with code %d", c.Code)
	if c.Text != "" {
		says += fmt.Sprintf(", %q", c.Text)
	}
	switch {
	case c.Code == websocket.CloseServiceRestart, c.Code == websocket.CloseGoingAway:
		return failed("It is just being restarted: try again in some seconds.", "%s", says)
	case c.Code >= 4000 && c.Code < 4500:
		return failed("It is one of the server's limits (docs/protocol.md), and may be gone later.", "%s", says)
	case c.Code >= 4500 && c.Code < 5000:
		return failed("The server does not want this client (docs/protocol.md has its reasons), now or later.", "%s", says)
	}
	return failed("", "%s", says)
}
