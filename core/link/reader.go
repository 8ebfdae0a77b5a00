package link

import (
	"time"

	"unityp2p/core/wire"
)

// read starts a reader for each channel. They end when the connection is
// closed; between own peers they never stop for a game that does not poll.
func (l *Link) read() {
	readers := []func(){l.readReliable, l.readUnreliable, l.readControl}
	if !l.own {
		readers = []func(){
			func() { l.readRaw(l.channels[reliable]) },
			func() { l.readRaw(l.channels[unreliable]) },
		}
	}
	l.in.reading.Store(int32(len(readers)))
	for _, r := range readers {
		l.in.readers.Go(func() {
			r()
			l.readerEnded()
		})
	}
}

// closeTime is how long the other channels may still be read when one has
// ended: a goodbye that says more may be on its way.
const closeTime = 2 * time.Second

// readerEnded ends the link when its channels have ended.
func (l *Link) readerEnded() {
	if l.in.reading.Add(-1) == 0 {
		close(l.in.ended)
	}
	l.in.first.Do(func() { l.in.readers.Go(l.awaitReaders) })
}

func (l *Link) awaitReaders() {
	timeout := time.NewTimer(closeTime)
	defer timeout.Stop()
	select {
	case <-l.in.ended:
	case <-timeout.C:
	}
	l.stop(Closed)
}

// readRaw passes on what an original peer sends: one packet, one message.
func (l *Link) readRaw(c *channel) {
	batch := make([]Message, 1)
	for !isReliable(c) || l.in.awaitRoom() {
		p, err := c.next()
		if err != nil {
			break
		}
		l.touch()
		l.count(1, len(p))
		batch[0] = Message{Data: p, Reliable: isReliable(c)}
		if isReliable(c) {
			l.in.waiting(cost(len(p)))
		}
		l.handler.Messages(l, batch)
	}
}

func isReliable(c *channel) bool { return c.kind == reliable }

func (l *Link) count(messages, bytes int) {
	l.in.messages.Add(uint64(messages))
	l.in.bytes.Add(uint64(bytes))
}

// readReliable takes the packets of the reliable channel.
func (l *Link) readReliable() {
	defer l.in.finish()
	r := reliableReader{link: l}
	for {
		p, err := l.channels[reliable].next()
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

// reliableReader checks and puts together what comes on the reliable channel.
type reliableReader struct {
	link  *Link
	seq   uint64 // of the last complete message
	batch []Message
	part  []byte // the message that is arriving in fragments
	total uint64
}

func (r *reliableReader) take(p []byte) bool {
	k, err := wire.ParsePacket(p)
	if err != nil || k.Member != 0 || k.Seq != r.seq+1 {
		return false
	}
	if k.Kind == wire.FragmentPacket {
		return r.fragment(&k)
	}
	if r.part != nil {
		return false // a message cannot overtake the pieces of another
	}
	r.batch = r.batch[:0]
	var bytes int
	r.batch, bytes, err = appendMessages(r.batch, &k, true, r.link.engine.options.MaxMessage)
	if err != nil {
		return false
	}
	return r.deliver(bytes, true)
}

func (r *reliableReader) fragment(k *wire.Packet) bool {
	if k.Offset != uint64(len(r.part)) || (r.part != nil && k.Total != r.total) ||
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
	return r.deliver(bytes, false)
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
	r.link.handler.Messages(r.link, r.batch)
	r.link.in.delivered(r.seq)
	r.link.credit()
	clear(r.batch)
	return true
}

// appendMessages takes a single or batch packet apart.
func appendMessages(dst []Message, k *wire.Packet, reliable bool, most int) ([]Message, int, error) {
	if k.Kind == wire.SinglePacket {
		if len(k.Body) > most {
			return dst, 0, wire.ErrPacket
		}
		return append(dst, Message{Data: k.Body, Reliable: reliable}), len(k.Body), nil
	}
	bytes := 0
	if len(k.Body) == 0 {
		return dst, 0, wire.ErrPacket
	}
	for body := k.Body; len(body) > 0; {
		message, rest, err := wire.NextMessage(body)
		if err != nil || len(message) > most || len(dst) == wire.MaxBatch {
			return dst, 0, wire.ErrPacket
		}
		dst = append(dst, Message{Data: message, Reliable: reliable})
		bytes += len(message)
		body = rest
	}
	return dst, bytes, nil
}
