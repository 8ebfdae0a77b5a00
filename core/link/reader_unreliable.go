package link

import "unityp2p/core/wire"

// maxPartial is how many unreliable messages may be arriving in fragments at
// once. The oldest is given up for a newer one.
const maxPartial = 4

// readUnreliable takes the packets of the unreliable channel.
func (l *Link) readUnreliable() {
	r := unreliableReader{link: l}
	for {
		p, err := l.next(unreliable)
		if err != nil {
			return
		}
		l.touch()
		if !r.take(p) {
			l.stop(Protocol)
			return
		}
	}
}

// partial is a message of which some fragments came.
type partial struct {
	seq   uint64
	data  []byte
	have  int            // bytes that came
	parts map[uint64]int // lengths of the fragments that came, by offset
}

// whole reports whether the fragments cover the message. Their lengths add up
// to its length, but they may overlap.
func (m *partial) whole() bool {
	at := 0
	for range len(m.parts) {
		at += m.parts[uint64(at)]
	}
	return at == len(m.data)
}

type unreliableReader struct {
	link     *Link
	batch    []Message
	partials []partial // oldest first
	spare    []partial // their memory, for others: announced lengths cost the announcer, not us
}

func (r *unreliableReader) take(p []byte) bool {
	k, err := wire.ParsePacket(p)
	if err != nil || k.Member != 0 {
		return false
	}
	switch k.Kind {
	case wire.FragmentPacket:
		return r.fragment(&k)
	case wire.SingleCopy, wire.BatchCopy:
		return r.link.copies && r.link.incoming.copied(&k)
	case wire.GotPacket:
		return r.link.copies && r.link.hear(&k)
	}
	var bytes int
	r.batch, bytes, err = appendMessages(r.batch[:0], &k, false, r.link.engine.options.MaxUnreliable)
	if err != nil {
		return false
	}
	r.deliver(bytes)
	return true
}

func (r *unreliableReader) deliver(bytes int) {
	r.link.count(len(r.batch), bytes)
	r.link.handler.Messages(r.link, r.batch)
	clear(r.batch)
}

func (r *unreliableReader) fragment(k *wire.Packet) bool {
	if k.Total > uint64(r.link.engine.options.MaxUnreliable) {
		return false
	}
	i := r.find(k)
	if i < 0 {
		return true
	}
	m := &r.partials[i]
	if uint64(len(m.data)) != k.Total {
		return false
	}
	if m.parts[k.Offset] > 0 {
		return true
	}
	m.parts[k.Offset] = len(k.Body)
	copy(m.data[k.Offset:], k.Body)
	m.have += len(k.Body)
	if m.have < len(m.data) {
		return true
	}
	if !m.whole() {
		return false
	}
	r.batch = append(r.batch[:0], Message{Data: m.data})
	r.deliver(len(m.data))
	r.remove(i)
	return true
}

// find returns where the fragment's message is in the list, or -1 if it is
// older than all that are kept.
func (r *unreliableReader) find(k *wire.Packet) int {
	at := len(r.partials)
	for i := range r.partials {
		if r.partials[i].seq == k.Seq {
			return i
		}
		if r.partials[i].seq > k.Seq {
			at = i
			break
		}
	}
	if len(r.partials) == maxPartial {
		if at == 0 {
			return -1
		}
		r.remove(0)
		at--
	}
	r.partials = append(r.partials, partial{})
	copy(r.partials[at+1:], r.partials[at:])
	r.partials[at] = r.fresh(k)
	return at
}

func (r *unreliableReader) remove(i int) {
	r.spare = append(r.spare, r.partials[i])
	r.partials = append(r.partials[:i], r.partials[i+1:]...)
}

// fresh begins a message, in the memory of an earlier one if that is enough.
func (r *unreliableReader) fresh(k *wire.Packet) partial {
	m := partial{}
	if last := len(r.spare) - 1; last >= 0 {
		m, r.spare = r.spare[last], r.spare[:last]
		clear(m.parts)
	} else {
		m.parts = make(map[uint64]int)
	}
	if uint64(cap(m.data)) < k.Total {
		m.data = make([]byte, k.Total)
	}
	m.seq, m.have, m.data = k.Seq, 0, m.data[:k.Total]
	return m
}
