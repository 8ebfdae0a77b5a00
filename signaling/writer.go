package signaling

import (
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
)

// writeChunk is how much is given to a socket at once, so that one sees that it
// takes something.
const writeChunk = 64 << 10

// send queues a frame. Never blocks. It is called under the app's lock; what is
// queued is written when the lock is free.
func (p *peer) send(f wire.Frame) { p.pass(f, time.Time{}) }

// pass is send for a frame that came in at another socket.
func (p *peer) pass(f wire.Frame, came time.Time) {
	if p.lost != nil {
		p.app.keep(p, f)
		return
	}
	p.count(f)
	v := p.queue.put(f, came)
	if v == started {
		p.app.ready(p)
	}
	p.act(f, v)
}

// answer is send without the app's lock, for frames that are not about links.
// The peer's reader calls it.
func (p *peer) answer(f wire.Frame) {
	v := p.queue.put(f, time.Time{})
	p.act(f, v)
	if v == started {
		p.flush()
	}
}

// control queues a control frame. Never blocks.
func (p *peer) control(op byte, payload []byte) {
	if p.queue.control(op, payload) == started {
		p.flush()
	}
}

// act does what is left to do when a frame was queued, or was not.
func (p *peer) act(f wire.Frame, v outcome) {
	switch v {
	case queued, started:
		p.server.observer.Sent(f.Type, f.Size())
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
		_ = p.source.SetWriteDeadline(time.Now().Add(lingerTime))
	}
	if start {
		go p.write(p.queue.take())
	}
	return first
}

// kick makes the socket's reader stop, which then cleans up, and a write that is
// going on. Never blocks.
func (p *peer) kick() {
	_ = p.source.SetDeadline(longAgo)
}

// flush writes what waits, as far as that takes no time; a goroutine writes the
// rest. Never blocks.
func (p *peer) flush() {
	b := p.queue.take()
	if b == nil {
		return
	}
	if !p.try(b) {
		go p.write(b)
		return
	}
	p.wrote(b)
	if b = p.queue.take(); b != nil {
		go p.write(b) // somebody else's; this one has its own to do
	}
}

// try writes what the socket takes at once, and reports whether that was all.
func (p *peer) try(b *batch) bool {
	if p.source.raw == nil {
		return false
	}
	n := b.write(p.source.raw)
	if n > 0 {
		p.took(b, n)
	}
	return b.at == len(b.data)
}

// write writes batches until none is left. The peer's reader waits for its end
// before it ends itself.
func (p *peer) write(b *batch) {
	conn := p.source.Conn
	for ; b != nil; b = p.queue.take() {
		for b.at < len(b.data) {
			n, err := conn.Write(b.data[b.at:min(b.at+writeChunk, len(b.data))])
			if err != nil {
				p.queue.forget(len(b.data) - b.at)
				p.queue.end()
				p.kick()
				break
			}
			p.took(b, n)
		}
		p.wrote(b)
	}
}

// took notes that the socket has taken n bytes more of a batch.
func (p *peer) took(b *batch, n int) {
	b.at += n
	p.queue.wrote(n)
	for ; b.told < len(b.relays) && b.relays[b.told].end <= b.at; b.told++ {
		p.server.observer.Relayed(time.Since(b.relays[b.told].came))
	}
}

// wrote ends with a batch.
func (p *peer) wrote(b *batch) {
	if p.queue.finished() {
		// The close frame is out: now the reader has to stop as well.
		_ = p.source.SetReadDeadline(longAgo)
	}
	p.server.batches.put(b)
}
