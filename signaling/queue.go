package signaling

import (
	"sync"
	"time"
)

// Bounds of what waits to be written to one socket. A frame costs its bytes and
// frameCost.
//
// Above congestedBytes, those who want to send to this socket wait, as long as
// it still takes something: so nobody can drown a peer that reads, however fast
// they send. If it has taken nothing for stallTime nobody waits for it any more,
// since a peer that does not read must not cost the others anything, and the
// socket is closed as soon as more than maxQueuedBytes wait. What only ends
// links never waits: all the links that a socket can have fit into the
// difference.
const (
	congestedBytes = 256 << 10
	maxQueuedBytes = 4 << 20 // and one frame more
	frameCost      = 32
	stallTime      = 2 * time.Second
)

// outQueue holds the frames that wait to be written to a socket, and those that
// are being written.
type outQueue struct {
	wake chan struct{} // room for one; the writer's

	mu       sync.Mutex
	frames   [][]byte
	cost     int
	progress time.Time // when the socket last took a frame, or had none to take
	full     bool
	room     chan struct{} // not nil: closed when congestion ends
}

func newOutQueue() *outQueue { return &outQueue{wake: make(chan struct{}, 1)} }

// put reports false when the queue is full, from then on always.
func (q *outQueue) put(frame []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.full || q.cost > maxQueuedBytes {
		q.endLocked()
		return false
	}
	if q.cost == 0 {
		q.progress = time.Now()
	}
	q.frames = append(q.frames, frame)
	q.cost += len(frame) + frameCost
	q.wakeLocked()
	return true
}

func (q *outQueue) wakeLocked() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take returns all that waits, and false if the queue was full. The writer calls
// wrote for each frame.
func (q *outQueue) take() ([][]byte, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.frames
	q.frames = nil
	return taken, !q.full
}

// wrote notes that the socket has taken a frame of n bytes.
func (q *outQueue) wrote(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.cost -= n + frameCost
	q.progress = time.Now()
	if q.cost <= congestedBytes {
		q.relieve()
	}
}

// congested returns nil if a sender need not wait; else a channel that is
// closed when it need not any more, and how long to wait at most before asking
// again.
func (q *outQueue) congested() (<-chan struct{}, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.full || q.cost <= congestedBytes {
		return nil, 0
	}
	left := stallTime - time.Since(q.progress)
	if left <= 0 {
		return nil, 0
	}
	if q.room == nil {
		q.room = make(chan struct{})
	}
	return q.room, left
}

// end lets go of those who wait; nothing is written any more.
func (q *outQueue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.endLocked()
}

func (q *outQueue) endLocked() {
	q.full, q.frames = true, nil
	q.wakeLocked()
	q.relieve()
}

func (q *outQueue) relieve() {
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}
