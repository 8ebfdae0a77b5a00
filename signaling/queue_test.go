package signaling

import (
	"math"
	"sync/atomic"
	"testing"
	"time"

	"unityp2p/core/wire"
)

func testQueue() *outQueue {
	return &outQueue{spare: new(batches), stored: new(atomic.Int64), most: math.MaxInt64, slow: 10 * time.Second}
}

// large is a frame of just over congestedBytes.
func large() wire.Frame {
	return wire.Frame{Type: wire.ReliableMessage, DataType: wire.Bytes, Data: make([]byte, congestedBytes)}
}

func TestQueueSaysWhenToWait(t *testing.T) {
	q := testQueue()
	if room, _ := q.congested(); room != nil {
		t.Error("an empty queue is congested")
	}
	if v := q.put(large(), time.Time{}); v != started {
		t.Fatalf("the first frame: %v", v)
	}
	if v := q.put(large(), time.Time{}); v != queued {
		t.Fatalf("the second: %v", v)
	}
	room, patience := q.congested()
	if room == nil || patience <= 0 || patience > stallTime {
		t.Fatalf("a long queue: %v, %v", room, patience)
	}
	b := q.take()
	if again, _ := q.congested(); again == nil {
		t.Error("what is being written does not count")
	}
	q.wrote(len(b.data))
	<-room // closed
	if room, _ := q.congested(); room != nil || q.cost != 0 || q.stored.Load() != 0 {
		t.Errorf("after all was written: congested %v, cost %d, stored %d", room != nil, q.cost, q.stored.Load())
	}
	if q.take() != nil || q.writing {
		t.Error("the writer does not end")
	}
	q.put(large(), time.Time{})
	q.progress = time.Now().Add(-2 * stallTime)
	if room, _ := q.congested(); room != nil {
		t.Error("one waits for a socket that takes nothing")
	}
	puts := 1
	for q.put(large(), time.Time{}) != tooSlow {
		puts++
	}
	if most := maxQueuedBytes/congestedBytes + 1; puts > most {
		t.Errorf("%d frames were queued, at most %d fit", puts, most)
	}
	if q.end() {
		t.Error("a close frame is on its way that nobody sent")
	}
	if v := q.put(large(), time.Time{}); v != dropped || q.stored.Load() != 0 {
		t.Errorf("after the end: %v, %d bytes stored", v, q.stored.Load())
	}
}

// One that takes a little now and then holds the others for Limits.Slow, not
// for ever.
func TestQueueSaysWhoLags(t *testing.T) {
	q := testQueue()
	for range 3 {
		q.put(large(), time.Time{})
	}
	q.wrote(100)
	q.mark = time.Now().Add(-2 * q.slow)
	if room, _ := q.congested(); room != nil || !q.lags() {
		t.Error("one still waits for it")
	}
	q.wrote(congestedBytes)
	if room, _ := q.congested(); room == nil || q.lags() {
		t.Error("it took enough, and is given up all the same")
	}
}

// When the server holds too much, those for whom much waits are let go.
func TestQueueKnowsTheServersBound(t *testing.T) {
	q := testQueue()
	q.most = 1 << 20
	q.stored.Store(1 << 21)
	small := wire.Frame{Type: wire.ReliableMessage, DataType: wire.Bytes, Data: make([]byte, 1000)}
	if v := q.put(small, time.Time{}); v != started {
		t.Errorf("one for whom nothing waits: %v", v)
	}
	q.put(large(), time.Time{})
	if v := q.put(small, time.Time{}); v != noRoom {
		t.Errorf("one for whom much waits: %v", v)
	}
}

func TestNothingFollowsTheCloseFrame(t *testing.T) {
	q := testQueue()
	q.put(large(), time.Time{})
	over := q.done()
	if first, start := q.finish([]byte{3, 232}); !first || start {
		t.Error("the close frame is not queued after what waits")
	}
	<-over
	if first, _ := q.finish(nil); first || q.put(large(), time.Time{}) != dropped || !q.end() {
		t.Error("there is something after it")
	}
	silence := q.silence()
	b := q.take()
	if n := len(b.data); string(b.data[n-4:]) != "\x88\x02\x03\xe8" {
		t.Errorf("ends with %x", b.data[n-4:])
	}
	q.wrote(len(b.data))
	if !q.finished() || q.take() != nil {
		t.Error("all is written, and something is left")
	}
	<-silence
}

func TestTheEndOfAllLinksFitsIntoTheQueue(t *testing.T) {
	const links, frame = 1 << 16, 6
	if links*frame > maxQueuedBytes-congestedBytes {
		t.Error("a socket whose partners all go at once would be closed")
	}
}
