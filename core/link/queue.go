package link

import (
	"time"

	"unityp2p/core/wire"
)

// queue holds messages in order. Small ones share blocks of memory, which grow
// with what has to wait: most messages allocate nothing, and a connection that
// sends little takes little.
type queue struct {
	items []item
	head  int
	cost  int
	block []byte
}

type item struct {
	data []byte
	at   time.Duration // when it was pushed, since the link began
}

const (
	firstBlock  = 1 << 10
	mostBlock   = 32 << 10
	sharedLimit = 4 << 10 // larger messages get memory of their own
)

// push appends a message; a copy of it unless keep is set.
func (q *queue) push(data []byte, keep bool, now time.Duration) {
	if !keep {
		data = q.copy(data)
	}
	if q.head > 0 && len(q.items) == cap(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, item{data, now})
	q.cost += int(cost(len(data)))
}

func (q *queue) copy(data []byte) []byte {
	if len(data) > sharedLimit {
		return append([]byte(nil), data...)
	}
	if cap(q.block)-len(q.block) < len(data) {
		q.block = make([]byte, 0, min(max(2*cap(q.block), firstBlock, 2*len(data)), mostBlock))
	}
	start := len(q.block)
	q.block = append(q.block, data...)
	return q.block[start:len(q.block):len(q.block)]
}

// first returns the oldest message, or nil if there is none.
func (q *queue) first() *[]byte {
	if q.head == len(q.items) {
		return nil
	}
	return &q.items[q.head].data
}

// pop removes the oldest message and returns its cost.
func (q *queue) pop() int {
	c := int(cost(len(q.items[q.head].data)))
	q.items[q.head] = item{}
	q.head++
	q.cost -= c
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	return c
}

// rewind uses the block anew if nothing of it is left. Not while somebody holds
// what was popped.
func (q *queue) rewind() {
	if q.head == len(q.items) {
		q.block = q.block[:0]
	}
}

// pack builds a packet of the oldest messages, none of which is fragmented: one
// alone, or as many as fit into one datagram. It takes no more than allowed.
func (q *queue) pack(dst []byte, seq, allowed uint64) (packet []byte, count, sent, bytes int) {
	first := *q.first()
	if cost(len(first)) > allowed {
		return nil, 0, 0, 0
	}
	next := q.head + 1
	if next == len(q.items) || len(first)+len(q.items[next].data) > batchSize {
		packet = append(wire.AppendPacketHead(dst, wire.SinglePacket, seq), first...)
		return packet, 1, q.pop(), len(first)
	}
	packet = wire.AppendPacketHead(dst, wire.BatchPacket, seq)
	for m := q.first(); m != nil; m = q.first() {
		if count > 0 && len(packet)+len(*m)+3 > batchSize || cost(len(*m)) > allowed-uint64(sent) {
			break
		}
		packet = wire.AppendMessage(packet, *m)
		bytes += len(*m)
		sent += q.pop()
		count++
	}
	return packet, count, sent, bytes
}
