package link

import (
	"sync"
	"sync/atomic"

	"unityp2p/core/wire"
)

// unlimited is the credit towards original peers: they have none, SCTP's
// receive window holds back the sender.
const unlimited = ^uint64(0)

// inbox is the receiving side: what was granted, what came, and what the game
// has not taken yet. Costs count a message's bytes and wire.MessageCost.
//
// The limit given to the sender is: all that came, plus the window, less the
// complete messages that nobody took. A message that is still in pieces does
// not count, so that one larger than the window gets through; at most the
// window and one message are held.
type inbox struct {
	readers sync.WaitGroup
	reading atomic.Int32  // readers of channels that run
	first   sync.Once     // the first of them to end starts a clock
	ended   chan struct{} // closed when the last of them has ended
	iceLost atomic.Bool   // original peers: ICE says that the path is silent

	mu       sync.Mutex
	changed  sync.Cond // for the reader of an original peer, and for a goodbye
	window   uint64
	received uint64 // reliable cost that came
	granted  uint64 // the limit that the sender knows
	unread   uint64 // cost of complete messages not yet released
	seq      uint64 // number of the last reliable message
	over     bool   // no reliable message comes any more
	closed   bool

	bytes, messages atomic.Uint64 // statistics, all channels
}

func (i *inbox) init(window int) {
	i.window = uint64(window)
	i.ended = make(chan struct{})
	i.changed.L = &i.mu
}

// grant returns the first limit.
func (i *inbox) grant() uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.granted = i.window
	return i.granted
}

// arrived counts reliable cost. It reports false if the sender had no credit
// for it.
func (i *inbox) arrived(cost uint64) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.received += cost
	return i.received <= i.granted
}

// waiting counts messages that are about to be handed to the game.
func (i *inbox) waiting(cost uint64) {
	i.mu.Lock()
	i.unread += cost
	i.mu.Unlock()
}

// delivered notes that the game has all messages up to number seq.
func (i *inbox) delivered(seq uint64) {
	i.mu.Lock()
	i.seq = seq
	i.mu.Unlock()
	i.changed.Broadcast()
}

// release takes messages back from the game.
func (i *inbox) release(cost uint64) {
	i.mu.Lock()
	i.unread -= min(cost, i.unread)
	i.mu.Unlock()
	i.changed.Broadcast()
}

// update returns the credit message that is due, if one is: once a quarter of
// the window is free that the sender does not know of.
func (i *inbox) update() (limit, seq uint64, due bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	limit = i.received + i.window - min(i.unread, i.window)
	if limit < i.granted+i.window/4 {
		return 0, 0, false
	}
	i.granted = limit
	return limit, i.seq, true
}

// awaitRoom holds the reader of an original peer while the game takes nothing.
// It reports false when the link is closed.
func (i *inbox) awaitRoom() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for i.unread >= i.window && !i.closed {
		i.changed.Wait()
	}
	return !i.closed
}

// finish notes that no reliable message comes any more.
func (i *inbox) finish() {
	i.mu.Lock()
	i.over = true
	i.mu.Unlock()
	i.changed.Broadcast()
}

// awaitSeq waits until message number seq has been delivered, or can come no
// more.
func (i *inbox) awaitSeq(seq uint64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for i.seq < seq && !i.over && !i.closed {
		i.changed.Wait()
	}
}

func (i *inbox) close() {
	i.mu.Lock()
	i.closed = true
	i.mu.Unlock()
	i.changed.Broadcast()
}

// cost is what a message of n bytes counts.
func cost(n int) uint64 { return uint64(n) + wire.MessageCost }
