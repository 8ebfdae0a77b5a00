package link

import "unityp2p/core/wire"

// maxPartial is how many unreliable messages may be arriving in fragments at
// once. The oldest is given up for a newer one.
const maxPartial = 4

// readUnreliable takes the packets of the unreliable channel.
func (l *Link) readUnreliable() {
	r := unreliableReader{link: l}
	for {
		p, err := l.channels[unreliable].next()
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
	have  uint64          // bytes that came
	parts map[uint64]bool // offsets that came
}

type unreliableReader struct {
	link     *Link
	batch    []Message
	partials []partial // oldest first
}

func (r *unreliableReader) take(p []byte) bool {
	k, err := wire.ParsePacket(p)
	if err != nil || k.Member != 0 {
		return false
	}
	if k.Kind == wire.FragmentPacket {
		return r.fragment(&k)
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
	if m.parts[k.Offset] {
		return true
	}
	m.parts[k.Offset] = true
	copy(m.data[k.Offset:], k.Body)
	m.have += uint64(len(k.Body))
	if m.have < k.Total {
		return true
	}
	if m.have > k.Total {
		return false // fragments that overlap
	}
	r.batch = append(r.batch[:0], Message{Data: m.data})
	bytes := len(m.data)
	r.partials = append(r.partials[:i], r.partials[i+1:]...)
	r.deliver(bytes)
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
		r.partials = append(r.partials[:0], r.partials[1:]...)
		at--
	}
	fresh := partial{seq: k.Seq, data: make([]byte, k.Total), parts: make(map[uint64]bool)}
	r.partials = append(r.partials, partial{})
	copy(r.partials[at+1:], r.partials[at:])
	r.partials[at] = fresh
	return at
}
