package link

import (
	"sync"

	"unityp2p/core/wire"
)

// readReliable takes the packets of the reliable channel.
func (l *Link) readReliable() {
	defer l.in.finish()
	for {
		p, err := l.next(reliable)
		if err != nil {
			return
		}
		l.touch()
		if !l.incoming.take(p) {
			l.stop(Protocol)
			return
		}
	}
}

// reliableReader checks and puts together what comes on the reliable channel, and
// in copies on the unreliable one: whichever comes first. Each message is delivered
// once, in order.
type reliableReader struct {
	link *Link

	mu    sync.Mutex
	seq   uint64 // of the last message delivered
	came  uint64 // of the last that the channel itself brought; what copies brought it may leave out
	early early  // copies of what comes later
	batch []Message
	part  []byte // the message that is arriving in fragments
	total uint64
}

// take takes a packet of the reliable channel. It reports false if that must not be.
func (r *reliableReader) take(p []byte) bool {
	k, err := wire.ParsePacket(p)
	if err != nil || k.Member != 0 {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if k.Seq <= r.came || k.Seq > r.seq+1 {
		return false // again, or with a gap that no copy has filled
	}
	switch k.Kind {
	case wire.FragmentPacket:
		return r.fragment(&k)
	case wire.SinglePacket, wire.BatchPacket:
	default:
		return false
	}
	if r.part != nil {
		return false // a message cannot overtake the pieces of another
	}
	bytes, ok := r.open(&k)
	if !ok {
		return false
	}
	r.came = k.Seq + uint64(len(r.batch)) - 1
	return r.whole(k.Seq, bytes)
}

// copied takes a copy of a packet of the reliable channel.
func (r *reliableReader) copied(k *wire.Packet) bool {
	original := *k
	var ok bool
	if original.Kind, ok = k.Kind.Original(); !ok {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	bytes, ok := r.open(&original)
	if !ok {
		return false
	}
	if k.Seq > r.seq+1 {
		r.early.add(&original, uint64(len(r.batch)))
		clear(r.batch)
		r.link.owe()
		return true
	}
	if r.part != nil && k.Seq > r.seq {
		return false // what comes in fragments has no copies
	}
	return r.whole(k.Seq, bytes)
}

// open takes a single or a batch apart, into r.batch.
func (r *reliableReader) open(k *wire.Packet) (bytes int, ok bool) {
	var err error
	r.batch, bytes, err = appendMessages(r.batch[:0], k, true, r.link.engine.options.MaxMessage)
	return bytes, err == nil
}

// whole delivers the batch, the first of which is message number seq, unless it
// has been.
func (r *reliableReader) whole(seq uint64, bytes int) bool {
	if seq+uint64(len(r.batch)) <= r.seq+1 {
		clear(r.batch) // the other one was faster
		r.link.owe()
		return true
	}
	return seq == r.seq+1 && r.deliver(bytes, true) && r.catchUp()
}

// catchUp delivers what came early and is next.
func (r *reliableReader) catchUp() bool {
	for {
		k := r.early.next(r.seq)
		if k == nil {
			return true
		}
		if bytes, ok := r.open(k); !ok || k.Seq != r.seq+1 || !r.deliver(bytes, true) {
			return false
		}
	}
}

// got says what came.
func (r *reliableReader) got(g *wire.Got) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g.Missing, g.Behind, g.Ahead = r.seq+1, r.seq-r.came, r.early.spans(g.Ahead[:0])
}

func (r *reliableReader) fragment(k *wire.Packet) bool {
	if k.Seq != r.seq+1 || k.Offset != uint64(len(r.part)) || (r.part != nil && k.Total != r.total) ||
		k.Total > uint64(r.link.engine.options.MaxMessage) {
		return false
	}
	came := uint64(len(k.Body))
	if r.part == nil {
		came += wire.MessageCost
		// Grown as it arrives: an announced length alone takes no memory.
		r.part, r.total = make([]byte, 0, min(k.Total, 4*wire.MaxFragment)), k.Total
	}
	if !r.link.in.arrived(came) {
		return false
	}
	r.part = append(r.part, k.Body...)
	r.link.count(0, len(k.Body))
	if uint64(len(r.part)) < r.total {
		r.link.credit()
		return true
	}
	r.batch = append(r.batch[:0], Message{Data: r.part, Reliable: true})
	bytes := len(r.part)
	r.part = nil
	r.came = k.Seq
	return r.deliver(bytes, false) && r.catchUp()
}

// deliver hands over the batch. If whole is set its bytes came only now, and not
// in fragments that were counted one by one.
func (r *reliableReader) deliver(bytes int, whole bool) bool {
	total := uint64(bytes) + uint64(len(r.batch))*wire.MessageCost
	if whole {
		if !r.link.in.arrived(total) {
			return false
		}
		r.link.count(0, bytes)
	}
	r.seq += uint64(len(r.batch))
	r.link.count(len(r.batch), 0)
	r.link.in.waiting(total)
	r.link.owe()
	r.link.handler.Messages(r.link, r.batch)
	r.link.in.delivered(r.seq)
	r.link.credit()
	clear(r.batch)
	return true
}
