package signaling

import (
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
)

// writeChunk is how much is given to a socket at once, so that one sees that it
// takes something.
const writeChunk = 64 << 10

// send queues a frame. Never blocks. Frames about links are sent under the app's
// lock.
func (p *peer) send(f wire.Frame) { p.pass(f, time.Time{}) }

// pass queues a frame that came in at another socket.
func (p *peer) pass(f wire.Frame, came time.Time) {
	if p.lost != nil {
		p.app.keep(p, f)
		return
	}
	p.count(f)
	v := p.queue.put(f, came)
	if v == queued || v == started {
		p.server.observer.Sent(f.Type, f.Size())
	}
	p.act(v)
}

// act does what a queue's answer asks for. Never blocks.
func (p *peer) act(v outcome) {
	switch v {
	case started:
		go p.write()
	case tooSlow:
		p.expel(RefusedSlow)
	case noRoom:
		p.expel(RefusedFull)
	}
}

// expel ends the socket, for a reason that it is told. Never blocks.
func (p *peer) expel(why Refusal) {
	if p.end(why.closing()) {
		p.server.refused(why)
	}
}

// end tells the other side why the socket ends, and ends it. It reports false if
// it is ending already. Never blocks.
func (p *peer) end(code int, text string) bool {
	first, start := p.queue.finish(websocket.FormatCloseMessage(code, text))
	if first {
		_ = p.conn.NetConn().SetWriteDeadline(time.Now().Add(lingerTime))
	}
	if start {
		go p.write()
	}
	return first
}

// kick makes the socket's reader stop, which then cleans up, and a write that is
// going on. Never blocks.
func (p *peer) kick() {
	_ = p.conn.NetConn().SetDeadline(longAgo)
}

// write writes what waits until nothing is left. The peer's reader waits for its
// end before it ends itself.
func (p *peer) write() {
	for b := p.queue.take(); b != nil; b = p.queue.take() {
		if p.writeBatch(b) && p.queue.finished() {
			// The close frame is out: now the reader has to stop as well.
			_ = p.conn.NetConn().SetReadDeadline(longAgo)
		}
		p.server.batches.put(b)
	}
}

// writeBatch reports whether all was written.
func (p *peer) writeBatch(b *batch) bool {
	conn := p.conn.NetConn()
	relays := b.relays
	for at := 0; at < len(b.data); {
		n, err := conn.Write(b.data[at:min(at+writeChunk, len(b.data))])
		if err != nil {
			p.queue.forget(len(b.data) - at)
			p.queue.end()
			p.kick()
			return false
		}
		p.queue.wrote(n)
		at += n
		for len(relays) > 0 && relays[0].end <= at {
			p.server.observer.Relayed(time.Since(relays[0].came))
			relays = relays[1:]
		}
	}
	return true
}
