package signaling

import (
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
)

// Bounds of one socket. What cannot be delivered within them closes the socket:
// a peer that does not read must not cost the others anything.
const (
	maxQueuedFrames = 4096
	maxQueuedBytes  = 4 << 20 // beyond one frame
	writeTimeout    = 10 * time.Second
)

// peer is one socket of an app.
type peer struct {
	server *Server
	app    *app
	conn   *websocket.Conn
	ponged atomic.Bool

	queue outQueue

	// The app's, under its lock.
	address   wire.Address
	listening bool
	links     map[int16]link
	nextID    int16
}

func newPeer(s *Server, a *app, conn *websocket.Conn) *peer {
	p := &peer{server: s, app: a, conn: conn, links: make(map[int16]link), nextID: firstServerID}
	p.queue.wake = make(chan struct{}, 1)
	p.ponged.Store(true)
	return p
}

// serve runs the socket until it ends.
func (p *peer) serve() {
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() { p.write(stop) })
	p.read()
	p.app.gone(p)
	close(stop)
	_ = p.conn.Close()
	writer.Wait()
}

// read handles frames until the socket ends. gorilla answers violations of the
// WebSocket protocol with 1002, and messages over the limit with 1009.
func (p *peer) read() {
	p.conn.SetReadLimit(p.server.config.MaxPayload)
	p.conn.SetPongHandler(func(string) error {
		p.ponged.Store(true)
		return nil
	})
	for {
		kind, data, err := p.conn.ReadMessage()
		if err != nil {
			return
		}
		if kind == websocket.TextMessage {
			if !utf8.Valid(data) {
				p.close(websocket.CloseInvalidFramePayloadData, "")
				return
			}
			continue
		}
		if f, err := wire.ParseFrame(data); err == nil {
			p.handle(f)
		}
	}
}

func (p *peer) handle(f wire.Frame) {
	switch f.Type {
	case wire.VersionFrame:
		p.send(wire.Frame{Type: wire.VersionFrame, Version: protocolVersion})
	case wire.HeartbeatFrame:
		p.send(wire.Frame{Type: wire.HeartbeatFrame})
	case wire.ServerInitialized:
		p.app.listen(p, f)
	case wire.ServerClosed:
		p.app.stop(p)
	case wire.NewConnection:
		p.app.connect(p, f)
	case wire.Disconnected:
		p.app.disconnect(p, f.ID)
	case wire.ReliableMessage, wire.UnreliableMessage:
		p.app.relay(p, f)
	}
}

const protocolVersion = 2

// send queues a frame. Never blocks.
func (p *peer) send(f wire.Frame) {
	if !p.queue.put(f.Append(nil)) {
		// The socket's reader sees the end and cleans up.
		_ = p.conn.Close()
	}
}

func (p *peer) close(code int, text string) {
	_ = p.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), time.Now().Add(time.Second))
}

// write sends what is queued, and pings.
func (p *peer) write(stop <-chan struct{}) {
	ticker := time.NewTicker(p.server.config.PingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-p.queue.wake:
			for _, frame := range p.queue.take() {
				if p.writeOne(websocket.BinaryMessage, frame) != nil {
					_ = p.conn.Close()
					return
				}
			}
		case <-ticker.C:
			if !p.ponged.Swap(false) {
				p.close(websocket.CloseNormalClosure, "Done")
				_ = p.conn.Close()
				return
			}
			if p.writeOne(websocket.PingMessage, nil) != nil {
				_ = p.conn.Close()
				return
			}
		case <-stop:
			return
		}
	}
}

func (p *peer) writeOne(kind int, data []byte) error {
	if err := p.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return p.conn.WriteMessage(kind, data)
}

// outQueue holds the frames that wait to be written.
type outQueue struct {
	wake chan struct{}

	mu     sync.Mutex
	frames [][]byte
	bytes  int
	full   bool
}

// put reports false when the queue is full, from then on always.
func (q *outQueue) put(frame []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.full || len(q.frames) >= maxQueuedFrames || q.bytes > maxQueuedBytes {
		q.full, q.frames = true, nil
		return false
	}
	q.frames = append(q.frames, frame)
	q.bytes += len(frame)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return true
}

func (q *outQueue) take() [][]byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.frames
	q.frames, q.bytes = nil, 0
	return taken
}
