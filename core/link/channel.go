package link

import (
	"errors"
	"io"

	"unityp2p/core/wire"
)

// channel is one open data channel, read by one goroutine and written by one.
type channel struct {
	kind   int
	stream stream
	buf    []byte
}

// firstBuffer holds the packets of nearly every game; larger ones make it grow,
// so that a connection that never sees one stays small.
const firstBuffer = 2 << 10

// next returns the next packet. It is valid until the following call.
func (c *channel) next() ([]byte, error) {
	if c.buf == nil {
		c.buf = make([]byte, firstBuffer)
	}
	for {
		n, err := c.stream.Read(c.buf)
		if err == nil {
			return c.buf[:n], nil
		}
		if !errors.Is(err, io.ErrShortBuffer) || len(c.buf) >= maxRawMessage {
			return nil, err
		}
		// The packet stays where it is until there is room for it. A packet that
		// is larger than anything allowed ends the channel here.
		size := 4 * len(c.buf)
		if n > size {
			size = n
		}
		c.buf = make([]byte, min(size, max(maxRawMessage, wire.MaxPacket)))
	}
}
