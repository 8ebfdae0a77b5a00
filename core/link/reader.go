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

// next returns the next packet of a channel that is the link's own. What it
// carries for others goes on from here.
func (l *Link) next(kind int) ([]byte, error) {
	for {
		p, err := l.channels[kind].next()
		if err != nil || l.carriage == nil || !wire.Relayed(p) {
			return p, err
		}
		l.touch()
		if !l.passOn(kind, p) {
			l.stop(Protocol)
			return nil, wire.ErrPacket
		}
	}
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
