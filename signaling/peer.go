package signaling

import (
	"errors"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
)

// writeTimeout is how long a socket may take to accept one frame.
const writeTimeout = 10 * time.Second

// peer is one socket of an app. Two goroutines serve it: the HTTP handler's
// reads and closes the connection, another writes.
type peer struct {
	server *Server
	app    *app
	conn   *websocket.Conn
	queue  *outQueue
	ponged atomic.Bool   // since the last ping
	deaf   atomic.Bool   // the reader waits for room elsewhere, and would miss a pong
	bye    atomic.Bool   // our close frame is sent
	mute   chan struct{} // closed when the writer has ended

	retired atomic.Bool // another socket of its host has its name

	grant *Grant // what its token allows; nil: everything

	// The app's, under its lock.
	address   wire.Address
	listening bool
	links     map[int16]link
	shared    map[*peer]struct{} // those with whom a shared address links it
	ids       ids
	ext       *extension      // of version 3; nil: as the original
	waits     map[int16]*peer // lost hosts that it waits for, by its ids
	lost      *lost           // its socket is gone, its name and links are kept
	left      bool            // its socket is gone
}

func newPeer(s *Server, a *app, conn *websocket.Conn) *peer {
	p := &peer{server: s, app: a, conn: conn, queue: newOutQueue(), mute: make(chan struct{}), links: make(map[int16]link)}
	p.ponged.Store(true)
	return p
}

// serve runs the socket until it ends.
func (p *peer) serve() {
	stop := make(chan struct{})
	go func() {
		defer close(p.mute)
		p.write(stop)
	}()
	err := p.read()
	p.app.gone(p, clean(err))
	if p.retired.Load() {
		p.server.refused(RefusedReplaced)
		p.end(RefusedReplaced.closing())
	}
	p.queue.end()
	close(stop)
	gently := p.bye.Load() || answered(err)
	if gently {
		_ = p.conn.NetConn().SetWriteDeadline(time.Now().Add(lingerTime))
	} else {
		cut(p.conn.NetConn())
	}
	<-p.mute
	if gently {
		linger(p.conn)
	}
}

// read handles frames until the socket ends. gorilla answers violations of the
// WebSocket protocol with 1002, and messages over the limit with 1009.
func (p *peer) read() error {
	p.conn.SetReadLimit(p.server.config.MaxPayload)
	p.conn.SetPongHandler(func(string) error {
		p.ponged.Store(true)
		return nil
	})
	for {
		kind, data, err := p.conn.ReadMessage()
		if err != nil {
			return err
		}
		if kind == websocket.TextMessage {
			if !utf8.Valid(data) {
				p.end(websocket.CloseInvalidFramePayloadData, "")
				return errNotUTF8
			}
			continue
		}
		if f, err := wire.ParseFrame(data); err == nil && p.await(p) {
			p.server.observer.Received(f.Type, len(data))
			p.handle(f)
			if p.ext != nil && aboutLink(f.Type) {
				p.ext.taken.Add(1)
			}
		}
	}
}

var errNotUTF8 = errors.New("signaling: a text message is not UTF-8")

func (p *peer) handle(f wire.Frame) {
	switch f.Type {
	case wire.VersionFrame:
		p.version(f.Version)
	case wire.ExtensionFrame:
		p.extended(f)
	case wire.HeartbeatFrame:
		p.send(wire.Frame{Type: wire.HeartbeatFrame})
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
		for busy := p.app.relay(p, f); busy != nil && p.await(busy); {
			busy = p.app.relay(p, f)
		}
	}
}

// await waits while much is queued for another socket, or its own. It reports
// false if this socket has ended meanwhile.
func (p *peer) await(other *peer) bool {
	room, patience := other.queue.congested()
	if room == nil {
		return true
	}
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
	case <-p.mute:
		return false
	}
	return true
}

// send queues a frame. Never blocks. Frames about links are sent under the app's
// lock.
func (p *peer) send(f wire.Frame) {
	if p.lost != nil {
		p.app.keep(p, f)
		return
	}
	p.count(f)
	data := f.Append(nil)
	if !p.queue.put(data) {
		p.kick()
		return
	}
	p.server.observer.Sent(f.Type, len(data))
}

// kick makes the socket's reader stop, which then cleans up, and a write that is
// going on. Never blocks.
func (p *peer) kick() {
	_ = p.conn.NetConn().SetDeadline(longAgo)
}

// end tells the other side why the socket ends, and ends it.
func (p *peer) end(code int, text string) {
	message := websocket.FormatCloseMessage(code, text)
	if p.conn.WriteControl(websocket.CloseMessage, message, time.Now().Add(lingerTime)) == nil {
		p.bye.Store(true)
	}
	p.kick()
}

// write sends what is queued, and pings, until the socket ends.
func (p *peer) write(stop <-chan struct{}) {
	ticker := time.NewTicker(p.server.config.PingInterval)
	defer ticker.Stop()
	doubted := p.server.doubted()
	var verdict <-chan time.Time
	for {
		select {
		case <-p.queue.wake:
			frames, ok := p.queue.take()
			if !ok || !p.writeAll(frames, stop) {
				return
			}
		case <-doubted:
			doubted = p.server.doubted()
			p.ponged.Store(false)
			if !p.writeOne(websocket.PingMessage, nil) {
				return
			}
			verdict = time.After(checkTime)
		case <-verdict:
			verdict = nil
			if p.silent() {
				return
			}
		case <-ticker.C:
			if verdict != nil {
				continue // Check's ping has its own time
			}
			if p.silent() {
				return
			}
			p.ponged.Store(false)
			if !p.writeOne(websocket.PingMessage, nil) {
				return
			}
		case <-p.server.done:
			p.end(websocket.CloseGoingAway, "")
			return
		case <-stop:
			return
		}
	}
}

// silent ends a socket that has not answered the last ping, and reports whether
// it did.
func (p *peer) silent() bool {
	if p.ponged.Load() || p.deaf.Load() {
		return false
	}
	p.end(websocket.CloseNormalClosure, "Done")
	return true
}

// writeAll writes frames. It reports false if the socket has ended.
func (p *peer) writeAll(frames [][]byte, stop <-chan struct{}) bool {
	for i, frame := range frames {
		select {
		case <-p.server.done:
			p.end(websocket.CloseGoingAway, "")
			return false
		case <-stop:
			return false
		default:
		}
		frames[i] = nil
		if !p.writeOne(websocket.BinaryMessage, frame) {
			return false
		}
		p.queue.wrote(len(frame))
	}
	return true
}

func (p *peer) writeOne(kind int, data []byte) bool {
	err := p.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err == nil {
		err = p.conn.WriteMessage(kind, data)
	}
	if err == nil {
		return true
	}
	// After our own close frame the reader is about to end by itself.
	if !errors.Is(err, websocket.ErrCloseSent) {
		p.kick()
	}
	return false
}
