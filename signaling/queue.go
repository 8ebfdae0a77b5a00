package signaling

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"unityp2p/core/wire"
)

// Bounds of what waits to be written to one socket, in bytes.
//
// Above congestedBytes, those who want to send to this socket wait, as long as
// it still takes something: so nobody can drown a peer that reads, however fast
// they send. If it has taken nothing for stallTime nobody waits for it any more,
// since a peer that does not read must not cost the others anything, and the
// socket is closed as soon as more than maxQueuedBytes wait; or when it has not
// taken congestedBytes within Limits.Slow, so that one that takes a little now
// and then cannot hold the others for ever. What only ends links never waits:
// all the links that a socket can have fit into the difference.
//
// When more than Limits.Buffered wait in the whole server, whoever has more than
// fairBytes waiting is closed.
const (
	congestedBytes = 256 << 10
	maxQueuedBytes = 4 << 20 // and one frame more
	fairBytes      = 16 << 10
	stallTime      = 2 * time.Second
)

// batch is what is written to a socket in one go: WebSocket frames, one after
// the other.
type batch struct {
	data   []byte
	at     int // so much of data is written
	relays []relayed
	told   int // so many of relays are written
	attempt
}

// relayed notes where a relayed frame ends in a batch and when it came in.
type relayed struct {
	end  int
	came time.Time
}

// Batches are kept for the next socket, unless a burst has made them large.
const (
	firstBatch = 1 << 10
	keptBatch  = 64 << 10
)

// batches are batches that nobody uses.
type batches struct{ pool sync.Pool }

func (b *batches) get() *batch {
	if used, ok := b.pool.Get().(*batch); ok {
		return used
	}
	fresh := &batch{data: make([]byte, 0, firstBatch)}
	fresh.prepare(fresh)
	return fresh
}

func (b *batches) put(used *batch) {
	if cap(used.data) <= keptBatch {
		used.data, used.at, used.relays, used.told = used.data[:0], 0, used.relays[:0], 0
		b.pool.Put(used)
	}
}

// outQueue holds what waits to be written to a socket. A socket has no goroutine
// that writes: whoever puts the first frame in writes it, and starts one only if
// that would take time.
type outQueue struct {
	spare  *batches
	stored *atomic.Int64 // bytes that lie in the server in all
	most   int64         // of those
	slow   time.Duration // Limits.Slow

	mu        sync.Mutex
	waiting   *batch // nil: nothing
	cost      int    // bytes that wait, and those that are being written
	writing   bool
	finishing bool          // a close frame is the last that is written
	ended     bool          // nothing is put in any more
	progress  time.Time     // when the socket last took something, or had nothing to take
	mark      time.Time     // when congestion began, or congestedBytes were last taken
	taken     int           // since mark
	room      chan struct{} // not nil: closed when congestion ends
	over      chan struct{} // not nil: closed when the queue has ended
	quiet     chan struct{} // not nil: closed when it has ended and nobody writes
}

// outcome says what became of a frame.
type outcome int

const (
	queued  outcome = iota
	started         // and the caller sees to it that it is written
	dropped         // the socket is ending
	tooSlow         // it does not take what is sent to it, and is to end
	noRoom          // the server holds too much, this socket's among it
)

// put queues a frame; came is when the frame that it relays came in.
func (q *outQueue) put(f wire.Frame, came time.Time) outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	if v := q.judge(); v != queued {
		return v
	}
	size := f.Size()
	before := q.openLocked()
	b := q.waiting
	b.data = f.Append(appendHead(b.data, opBinary, size))
	if !came.IsZero() {
		b.relays = append(b.relays, relayed{len(b.data), came})
	}
	return q.countLocked(len(b.data) - before)
}

// control queues a control frame.
func (q *outQueue) control(op byte, payload []byte) outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	if v := q.judge(); v != queued {
		return v
	}
	return q.controlLocked(op, payload)
}

func (q *outQueue) controlLocked(op byte, payload []byte) outcome {
	before := q.openLocked()
	b := q.waiting
	b.data = append(appendHead(b.data, op, len(payload)), payload...)
	return q.countLocked(len(b.data) - before)
}

// finish queues a close frame, after which comes nothing more. It reports
// whether it was the first to do so, and whether the caller has to see to it
// that it is written.
func (q *outQueue) finish(payload []byte) (first, start bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return false, false
	}
	start = q.controlLocked(opClose, payload) == started
	q.finishing = true
	q.endLocked()
	return true, start
}

func (q *outQueue) judge() outcome {
	switch {
	case q.ended:
		return dropped
	case q.cost > maxQueuedBytes:
		return tooSlow
	case q.cost > fairBytes && q.stored.Load() > q.most:
		return noRoom
	}
	return queued
}

// openLocked makes sure that there is a batch, and returns how much is in it.
func (q *outQueue) openLocked() int {
	if q.cost == 0 {
		q.progress = time.Now()
	}
	if q.waiting == nil {
		q.waiting = q.spare.get()
	}
	return len(q.waiting.data)
}

func (q *outQueue) countLocked(n int) outcome {
	if q.cost <= congestedBytes && q.cost+n > congestedBytes {
		q.mark, q.taken = time.Now(), 0
	}
	q.cost += n
	q.stored.Add(int64(n))
	if q.writing {
		return queued
	}
	q.writing = true
	return started
}

// take returns all that waits, nil if nothing does: then the writer ends.
func (q *outQueue) take() *batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := q.waiting
	q.waiting = nil
	if b == nil {
		q.writing = false
		q.calmLocked()
	}
	return b
}

// wrote notes that the socket has taken n bytes.
func (q *outQueue) wrote(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.forgetLocked(n)
	q.progress = time.Now()
	if q.taken += n; q.taken >= congestedBytes {
		q.mark, q.taken = q.progress, 0
	}
	if q.cost <= congestedBytes {
		q.relieve()
	}
}

// forget notes that n bytes will not be written.
func (q *outQueue) forget(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.forgetLocked(n)
}

func (q *outQueue) forgetLocked(n int) {
	q.cost -= n
	q.stored.Add(int64(-n))
}

// congested returns nil if a sender need not wait; else a channel that is
// closed when it need not any more, and how long to wait at most before asking
// again.
func (q *outQueue) congested() (<-chan struct{}, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended || q.cost <= congestedBytes {
		return nil, 0
	}
	left := min(stallTime-time.Since(q.progress), q.slow-time.Since(q.mark))
	if left <= 0 {
		return nil, 0
	}
	if q.room == nil {
		q.room = make(chan struct{})
	}
	return q.room, left
}

// lags tells whether the socket takes too little of what waits for it.
func (q *outQueue) lags() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.ended && q.cost > congestedBytes && time.Since(q.mark) >= q.slow
}

// finished tells whether the close frame has been written.
func (q *outQueue) finished() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.finishing && q.waiting == nil && q.cost == 0
}

// end lets go of those who wait. It reports whether a close frame is on its way;
// nothing else is written any more.
func (q *outQueue) end() (closing bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.finishing && q.waiting != nil {
		q.forgetLocked(len(q.waiting.data))
		q.spare.put(q.waiting)
		q.waiting = nil
	}
	q.endLocked()
	return q.finishing
}

func (q *outQueue) endLocked() {
	q.ended = true
	if q.over != nil {
		close(q.over)
		q.over = nil
	}
	q.relieve()
}

func (q *outQueue) relieve() {
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}

// done returns a channel that is closed when the queue has ended.
func (q *outQueue) done() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	done := q.over
	if done == nil {
		done = make(chan struct{})
		if q.ended {
			close(done)
			return done
		}
		q.over = done
	}
	return done
}

// silence returns a channel that is closed when nobody writes; after end, for
// good.
func (q *outQueue) silence() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	silence := make(chan struct{})
	q.quiet = silence
	if !q.writing {
		q.calmLocked()
	}
	return silence
}

func (q *outQueue) calmLocked() {
	if q.quiet != nil {
		close(q.quiet)
		q.quiet = nil
	}
}

// The WebSocket frames that we write ourselves (RFC 6455, 5.2): unmasked, in one
// piece. So all that waits for a socket lies in one buffer and goes out in one
// write, and idle sockets have no buffer at all; the WebSocket library would
// write frame by frame.
const (
	opBinary = 2
	opClose  = 8
	opPing   = 9
	opPong   = 10

	finalFragment = 0x80
)

func appendHead(dst []byte, op byte, n int) []byte {
	dst = append(dst, finalFragment|op)
	switch {
	case n < 126:
		return append(dst, byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
}
