package link

import (
	"sync"
	"time"

	"unityp2p/core/wire"
)

// Bounds of the sending side.
const (
	maxControlQueue = 4 << 20   // cost of control messages; beyond it the other side does not read: Protocol
	unreliableQueue = 512 << 10 // cost of unreliable messages; beyond it the oldest is dropped
	fragmentSize    = 16 << 10  // larger messages go in pieces of this
	batchSize       = 1100      // small messages are put together up to this: one datagram
	highWater       = 1 << 20   // bytes that SCTP may hold of the reliable channel
	highUnreliable  = 512 << 10 // and of the unreliable one
	highControl     = 64 << 10  // and of the control channel
	maxTried        = 128 << 10 // of control messages, beyond which some are not queued
)

// outbox holds what waits to be sent. Costs are returned to the sender when a
// message has left it.
type outbox struct {
	wake    chan struct{} // something to do for the writer
	closing chan struct{} // closed by close
	flushed chan struct{} // closed when everything is out, after finish

	mu         sync.Mutex
	budget     int
	control    [][]byte
	controlled uint64  // cost of them
	pong       *uint64 // the token of the last ping that was not answered
	reliable   queue
	unreliable queue
	credit     uint64 // reliable cost that the other side allows, in all
	spent      uint64 // of it
	ready      bool   // open and not closed or finishing
	finishing  bool
	why        Reason

	relSeq, unrelSeq uint64 // numbers of the last messages sent
	offset           int    // of the first reliable message: bytes already sent
	unrelOffset      int

	bytes, messages, dropped uint64 // statistics
}

func (o *outbox) init(budget int) {
	o.wake = make(chan struct{}, 1)
	o.closing = make(chan struct{})
	o.flushed = make(chan struct{})
	o.budget = budget
}

// open lets messages in, with the credit that the other side's hello gave.
func (o *outbox) open(credit uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.credit = max(o.credit, credit)
	o.ready = true
}

// put queues one message. If own is set the outbox may keep data, else it
// copies. dropped is the cost of unreliable messages that had to go for it.
func (o *outbox) put(data []byte, isReliable, keep bool, now time.Duration) (dropped int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ready {
		return 0, ErrClosed
	}
	c := int(cost(len(data)))
	if isReliable {
		if o.reliable.cost > 0 && o.reliable.cost+c > o.budget {
			return 0, ErrWouldBlock
		}
		o.reliable.push(data, keep, now)
	} else {
		for o.unreliable.cost > 0 && o.unreliable.cost+c > unreliableQueue {
			dropped += o.dropOldest()
		}
		o.unreliable.push(data, keep, now)
	}
	o.signal()
	return dropped, nil
}

// dropOldest gives up the oldest unreliable message, also one of which pieces
// were sent: the receiver gives it up for a newer one.
func (o *outbox) dropOldest() int {
	if o.unrelOffset > 0 {
		o.unrelOffset = 0
		o.unrelSeq++
	}
	o.dropped++
	return o.unreliable.pop()
}

// expire drops the unreliable messages that were put before then, and returns their
// cost.
func (o *outbox) expire(then time.Duration) (dropped int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for q := &o.unreliable; q.head < len(q.items) && q.items[q.head].at < then; {
		dropped += o.dropOldest()
	}
	return dropped
}

// abandon drops what could not be sent in time, so that the goodbye can go.
func (o *outbox) abandon() {
	o.mu.Lock()
	o.reliable, o.unreliable = queue{}, queue{}
	o.control, o.controlled = nil, 0
	o.offset, o.unrelOffset = 0, 0
	o.mu.Unlock()
	o.signal()
}

// putControl queues a control message. It reports false if there are too many.
func (o *outbox) putControl(p []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.controlled += cost(len(p)); o.controlled > maxControlQueue {
		return false
	}
	o.control = append(o.control, p)
	o.signal()
	return true
}

// tryControl is putControl where little waits, and else does nothing.
func (o *outbox) tryControl(p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if cost := o.controlled + cost(len(p)); cost <= maxTried {
		o.controlled = cost
		o.control = append(o.control, p)
		o.signal()
	}
}

// raise sets the credit. It never falls.
func (o *outbox) raise(limit uint64) {
	o.mu.Lock()
	o.credit = max(o.credit, limit)
	o.mu.Unlock()
	o.signal()
}

// signal wakes the writer.
func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// finish lets nothing more in; the writer sends what is there and a goodbye.
func (o *outbox) finish(why Reason) {
	o.mu.Lock()
	o.ready, o.finishing, o.why = false, true, why
	o.mu.Unlock()
	o.signal()
}

// close stops the writer.
func (o *outbox) close() {
	o.mu.Lock()
	o.ready = false
	o.mu.Unlock()
	close(o.closing)
}

// answer queues the answer to a ping, in place of an earlier one that has not
// left: who floods us with pings hears fewer answers.
func (o *outbox) answer(token uint64) {
	o.mu.Lock()
	o.pong = &token
	o.mu.Unlock()
	o.signal()
}

// nextControl returns the next control message, nil if there is none.
func (o *outbox) nextControl() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pong != nil {
		c := wire.Control{Kind: wire.ControlPong, Token: *o.pong}
		o.pong = nil
		return c.Append(nil)
	}
	if len(o.control) == 0 {
		return nil
	}
	p := o.control[0]
	o.control[0] = nil
	o.control = o.control[1:]
	o.controlled -= cost(len(p))
	return p
}

// nextUnreliable builds the next packet of the unreliable channel into dst. It
// returns nil if there is nothing to send. sent is the cost that left.
func (o *outbox) nextUnreliable(dst []byte) (packet []byte, sent int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := &o.unreliable
	first := q.first()
	if first == nil {
		return nil, 0
	}
	if len(*first) > fragmentSize {
		body := cut(*first, o.unrelOffset, fragmentSize)
		packet = wire.AppendFragment(dst, o.unrelSeq+1, uint64(len(*first)), uint64(o.unrelOffset), body)
		o.unrelOffset += fragmentSize
		if o.unrelOffset < len(*first) {
			return packet, 0
		}
		o.unrelOffset = 0
		o.unrelSeq++
		o.noteSent(1, len(*first))
		return packet, q.pop()
	}
	packet, n, sent, bytes := q.pack(dst, o.unrelSeq+1, unlimited)
	q.rewind()
	o.unrelSeq += uint64(n)
	o.noteSent(n, bytes)
	return packet, sent
}

// nextReliable is nextUnreliable for the reliable channel, as far as the other
// side's credit goes, and with no more than that many bytes of one message.
func (o *outbox) nextReliable(dst []byte, most int) (packet []byte, sent int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := &o.reliable
	first := q.first()
	if first == nil {
		return nil, 0
	}
	allowed := o.credit - o.spent
	if len(*first) <= most && o.offset == 0 {
		packet, n, sent, bytes := q.pack(dst, o.relSeq+1, allowed)
		q.rewind()
		o.relSeq += uint64(n)
		o.spent += uint64(sent)
		o.noteSent(n, bytes)
		return packet, sent
	}
	body := cut(*first, o.offset, most)
	c := uint64(len(body))
	if o.offset == 0 {
		c += wire.MessageCost
	}
	if c > allowed {
		return nil, 0
	}
	o.spent += c
	packet = wire.AppendFragment(dst, o.relSeq+1, uint64(len(*first)), uint64(o.offset), body)
	o.offset += len(body)
	if o.offset < len(*first) {
		return packet, 0
	}
	o.offset = 0
	o.relSeq++
	o.noteSent(1, len(*first))
	return packet, q.pop()
}

// nextRaw takes one message as it is, for an original peer. ok is false if
// there is none; the message may be empty.
func (o *outbox) nextRaw(isReliable bool) (message []byte, sent int, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := &o.unreliable
	if isReliable {
		q = &o.reliable
	}
	first := q.first()
	if first == nil {
		return nil, 0, false
	}
	message = *first
	o.noteSent(1, len(message))
	return message, q.pop(), true
}

// waiting returns the cost of the reliable messages that were not sent.
func (o *outbox) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.reliable.cost
}

// sent returns the number of the last reliable message that was sent.
func (o *outbox) sent() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.relSeq
}

func (o *outbox) noteSent(messages, bytes int) {
	o.messages += uint64(messages)
	o.bytes += uint64(bytes)
}

// goodbye returns the goodbye if it is time for it.
func (o *outbox) goodbye() (bye []byte, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.finishing || len(o.control) > 0 || o.reliable.first() != nil || o.unreliable.first() != nil {
		return nil, false
	}
	return o.bye(), true
}

// bye makes the goodbye.
func (o *outbox) bye() []byte {
	c := wire.Control{Kind: wire.ControlBye, Reason: byeCode(o.why), Seq: o.relSeq}
	return c.Append(nil)
}

// cut returns the fragment of message that begins at offset, of at most that size.
func cut(message []byte, offset, most int) []byte {
	return message[offset:min(offset+most, len(message))]
}
