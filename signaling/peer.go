package signaling

import (
	"errors"
	"io"
	"net/netip"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
)

// peer is one socket of an app. One goroutine reads from it, and another writes
// while there is something to write. An idle peer must cost little: what only
// some need is made when they need it.
type peer struct {
	server *Server
	app    *app
	conn   *websocket.Conn
	source *source    // what conn reads
	from   netip.Addr // whom the gate counts it for
	queue  outQueue
	pulse  pulseNode

	ponged atomic.Bool  // since the last ping
	deaf   atomic.Bool  // the reader waits for room elsewhere, and would miss a pong
	acted  atomic.Bool  // has asked for something since the last ping
	began  atomic.Int64 // when the message began that is being read; 0: none is

	grown     bool          // the reader's: its stack is larger than waiting needs
	allowance *allowance    // the reader's; nil: nothing was read yet
	lastAct   time.Duration // the pulse's: when it last did something, by Server.now

	grant *Grant // what its token allows; nil: everything

	// The app's, under its lock.
	address   wire.Address
	listening bool
	links     map[int16]link
	partners  map[*peer]int // how many links it has with each; only if addresses are shared
	asked     int           // links that it asked for
	ids       ids
	ext       *extension      // of version 3; nil: as the original
	waits     map[int16]*peer // lost hosts that it waits for, by its ids
	lost      *lost           // its socket is gone, its name and links are kept
	left      bool            // its socket is gone
}

func newPeer(s *Server, a *app, conn *websocket.Conn, source *source, from netip.Addr) *peer {
	p := &peer{server: s, app: a, conn: conn, source: source, from: from}
	p.queue.spare, p.queue.stored = &s.batches, &s.stored
	p.queue.most, p.queue.slow = int64(s.limits.Buffered), s.limits.Slow
	p.ponged.Store(true)
	conn.SetReadLimit(s.config.MaxPayload)
	conn.SetPongHandler(p.pong)
	conn.SetPingHandler(p.ping)
	conn.SetCloseHandler(p.closed)
	return p
}

// serve reads from the socket until it ends. gorilla answers violations of the
// WebSocket protocol with 1002, and messages over the limit with 1009.
func (p *peer) serve() {
	for {
		err := p.source.await()
		switch {
		case err != nil:
		case p.source.pong():
			if err = p.pong(""); err == nil && p.grown {
				// It was busy and is idle now. Stacks do not shrink as far as they
				// begin.
				p.grown = false
				go p.serve()
				return
			}
		default:
			p.grown = true
			err = p.next()
		}
		if err != nil {
			p.leave(err)
			return
		}
	}
}

// leave ends the socket.
func (p *peer) leave(err error) {
	p.blame(err)
	p.app.gone(p, clean(err))
	c := p.source.Conn
	gently := p.queue.end() || answered(err)
	if gently {
		_ = c.SetWriteDeadline(time.Now().Add(lingerTime))
	} else {
		cut(c)
	}
	<-p.queue.silence()
	if gently {
		linger(c)
	}
	p.server.dismiss(p)
}

// next reads the next message and handles it.
func (p *peer) next() error {
	kind, r, err := p.conn.NextReader()
	if err != nil {
		return err
	}
	return p.message(kind, r)
}

// blame notes what the socket ended of if it is its own fault.
func (p *peer) blame(err error) {
	switch {
	case errors.Is(err, websocket.ErrReadLimit):
		p.server.refused(RefusedTooLarge)
	case answered(err) && !errors.As(err, new(*websocket.CloseError)) && !errors.Is(err, errEnding):
		p.server.refused(RefusedMalformed)
	}
}

// errEnding ends the reader of a socket that is told why it ends.
var errEnding = errors.New("signaling: the socket is ending")

func (p *peer) pong(string) error {
	p.ponged.Store(true)
	return p.charge(0)
}

func (p *peer) ping(data string) error {
	p.control(opPong, []byte(data))
	return p.charge(len(data))
}

// closed answers a close frame with the same code.
func (p *peer) closed(code int, _ string) error {
	p.end(code, "")
	return nil
}

// message reads a message and handles it.
func (p *peer) message(kind int, r io.Reader) error {
	p.began.Store(int64(p.server.now()))
	m := p.server.messages.get()
	defer p.server.messages.put(m)
	if err := m.readFrom(r); err != nil {
		if errors.Is(err, errNoRoom) {
			p.expel(RefusedFull)
			return errEnding
		}
		return err
	}
	p.began.Store(0)
	if err := p.charge(len(m.data)); err != nil {
		return err
	}
	if kind == websocket.TextMessage {
		if !utf8.Valid(m.data) {
			p.expel(RefusedMalformed)
			return errEnding
		}
		return nil
	}
	f, err := wire.ParseFrame(m.data)
	if err != nil {
		return nil // malformed frames are ignored
	}
	p.server.observer.Received(f.Type, len(m.data))
	if p.await(p) {
		p.handle(f)
		if p.ext != nil && aboutLink(f.Type) {
			p.ext.taken.Add(1)
		}
	}
	return nil
}

// charge counts what came in, and waits if it is too much.
func (p *peer) charge(n int) error {
	if p.allowance == nil {
		p.allowance = newAllowance(p.server.limits, p.server.config.MaxPayload)
	}
	for {
		wait, why := p.allowance.charge(time.Now(), n)
		switch {
		case why != "":
			p.expel(why)
			return errEnding
		case wait == 0:
			return nil
		case !p.pause(nil, wait):
			return errEnding
		}
	}
}

func (p *peer) handle(f wire.Frame) {
	switch f.Type {
	case wire.VersionFrame:
		p.version(f.Version)
		return
	case wire.ExtensionFrame:
		p.extended(f)
		return
	case wire.HeartbeatFrame:
		p.answer(wire.Frame{Type: wire.HeartbeatFrame})
		return
	}
	p.acted.Store(true)
	switch f.Type {
	case wire.ServerInitialized:
		p.app.listen(p, f)
	case wire.ServerClosed:
		p.app.stop(p)
	case wire.NewConnection:
		for busy := p.app.connect(p, f); busy != nil && p.await(busy); {
			busy = p.app.connect(p, f)
		}
	case wire.Disconnected:
		p.app.disconnect(p, f.ID)
	case wire.ReliableMessage, wire.UnreliableMessage:
		came := time.Now()
		for busy := p.app.relay(p, f, came); busy != nil && p.await(busy); {
			busy = p.app.relay(p, f, came)
		}
	}
}

// await waits while much is queued for another socket, or its own. It reports
// false if this socket has ended meanwhile.
func (p *peer) await(other *peer) bool {
	room, patience := other.queue.congested()
	if room == nil {
		if other.queue.lags() {
			other.expel(RefusedSlow)
		}
		return true
	}
	return p.pause(room, patience)
}

// pause waits for a time, or until room is closed. It reports false if the
// socket has ended meanwhile.
func (p *peer) pause(room <-chan struct{}, patience time.Duration) bool {
	p.deaf.Store(true)
	defer func() {
		p.ponged.Store(true)
		p.deaf.Store(false)
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-room:
	case <-timer.C:
	case <-p.queue.done():
		return false
	}
	return true
}
