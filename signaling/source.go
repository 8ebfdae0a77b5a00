package signaling

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
)

// An idle socket must cost little, and most sockets are idle: they wait for
// somebody to come. So a socket has no buffer of its own while it waits, and it
// waits at the bottom of its goroutine's stack, which is then as small as stacks
// get. What came in lies in a buffer that is lent, and the WebSocket library reads
// it from there.
const (
	chunkSize = 4 << 10
	// librarySize is what the WebSocket library reads ahead: no less than it asks
	// for, and small since every socket has it. Where nothing can be lent, a
	// negotiation message fits in, mostly.
	librarySize  = 257
	unlentBuffer = 1 << 10
)

// source is a connection as the WebSocket library reads it.
type source struct {
	net.Conn
	raw    syscall.RawConn // nil: nothing is lent, the library waits by itself
	chunks *chunks
	chunk  *chunk        // what came in and is not read; nil: nothing
	ended  error         // why nothing will come any more
	ahead  *bufio.Reader // what the library has taken
	look   func(fd uintptr) bool
}

// chunk is a buffer that is lent.
type chunk struct {
	buffer [chunkSize]byte
	data   []byte // what is left in it
}

type chunks struct{ pool sync.Pool }

func (c *chunks) get() *chunk {
	if used, ok := c.pool.Get().(*chunk); ok {
		return used
	}
	return new(chunk)
}

func (c *chunks) put(used *chunk) { c.pool.Put(used) }

func newSource(conn net.Conn, lent *chunks) *source {
	s := &source{Conn: conn, raw: rawConn(conn), chunks: lent}
	size := unlentBuffer
	if s.raw != nil {
		size = librarySize
		s.look = s.receive
	}
	s.ahead = bufio.NewReaderSize(s, size)
	return s
}

// NetConn returns the connection itself.
func (s *source) NetConn() net.Conn { return s.Conn }

// Read is for the WebSocket library.
func (s *source) Read(p []byte) (int, error) {
	if s.chunk == nil {
		if s.ended != nil {
			return 0, s.ended
		}
		return s.Conn.Read(p)
	}
	n := copy(p, s.chunk.data)
	s.skip(n)
	return n, nil
}

// skip is done with so many bytes.
func (s *source) skip(n int) {
	s.chunk.data = s.chunk.data[n:]
	if len(s.chunk.data) == 0 {
		s.chunks.put(s.chunk)
		s.chunk = nil
	}
}

// await waits until there is something to read. It is called between messages.
func (s *source) await() error {
	if s.raw == nil || s.chunk != nil || s.ended != nil || s.ahead.Buffered() > 0 {
		return nil
	}
	return s.raw.Read(s.look)
}

// pong takes a pong off what came in, if there is a whole one next (RFC 6455,
// 5.5.3): that is all that idle sockets send, and the library would wait for what
// comes after it. What it cannot be sure of, it leaves to the library.
func (s *source) pong() bool {
	if s.chunk == nil || s.ahead.Buffered() > 0 {
		return false
	}
	const head, masked, most = 6, 0x80, 125
	d := s.chunk.data
	if len(d) < head || d[0] != finalFragment|opPong || d[1] < masked || d[1] > masked|most {
		return false
	}
	size := head + int(d[1]&^masked)
	if len(d) < size {
		return false
	}
	s.skip(size)
	return true
}

// grip is a ResponseWriter that hands out a source when it is hijacked.
type grip struct {
	http.ResponseWriter
	lent   *chunks
	source *source
}

// Hijack implements http.Hijacker.
func (g *grip) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(g.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("taking the connection over: %w", err)
	}
	g.source = newSource(conn, g.lent)
	if buffers.Reader.Buffered() == 0 { // else the upgrade fails
		buffers.Reader = g.source.ahead
	}
	return g.source, buffers, nil
}
