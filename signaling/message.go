package signaling

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// firstMessage is the size of the buffers that are kept for the next message;
// larger ones are not.
const firstMessage = 2 << 10

// messages are buffers for messages that are being read. A socket has one only
// from a message's first byte until it is handled.
type messages struct {
	pool   sync.Pool
	stored *atomic.Int64 // bytes that lie in the server in all
	most   int64         // of those
}

// message is a message that is being read. What it takes beyond its first
// buffer counts as stored.
type message struct {
	data  []byte
	owner *messages
}

// errNoRoom: the message is large, and the server holds too much already.
var errNoRoom = errors.New("signaling: no room for the message")

func (ms *messages) get() *message {
	if m, ok := ms.pool.Get().(*message); ok {
		return m
	}
	return &message{data: make([]byte, 0, firstMessage), owner: ms}
}

func (ms *messages) put(m *message) {
	ms.stored.Add(int64(firstMessage - cap(m.data)))
	if cap(m.data) == firstMessage {
		m.data = m.data[:0]
		ms.pool.Put(m)
	}
}

// readFrom reads a message to its end.
func (m *message) readFrom(r io.Reader) error {
	for {
		if len(m.data) == cap(m.data) {
			if err := m.grow(); err != nil {
				return err
			}
		}
		n, err := r.Read(m.data[len(m.data):cap(m.data)])
		m.data = m.data[:len(m.data)+n]
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (m *message) grow() error {
	if m.owner.stored.Load() > m.owner.most {
		return errNoRoom
	}
	larger := make([]byte, len(m.data), 2*cap(m.data))
	copy(larger, m.data)
	m.owner.stored.Add(int64(cap(larger) - cap(m.data)))
	m.data = larger
	return nil
}
