//go:build unix

package signaling

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// rawConn returns what attempt writes to, and nil if there is more between us and
// the socket, such as TLS.
func rawConn(c net.Conn) syscall.RawConn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// attempt writes a batch without waiting. It is kept with the batch, since a
// function that is made for each write has to be allocated.
type attempt struct {
	taken int
	call  func(fd uintptr) bool
}

func (a *attempt) prepare(b *batch) {
	a.call = func(fd uintptr) bool {
		for {
			n, err := syscall.Write(int(fd), b.data[b.at:])
			if errors.Is(err, syscall.EINTR) {
				continue
			}
			a.taken = max(n, 0) // an error comes again when it is written properly
			return true
		}
	}
}

// write returns how many bytes the socket took at once.
func (a *attempt) write(c syscall.RawConn) int {
	a.taken = 0
	if c.Write(a.call) != nil {
		return 0
	}
	return a.taken
}

// receive is called when there may be something to read, and reports whether
// there was.
func (s *source) receive(fd uintptr) bool {
	c := s.chunks.get()
	n, err := syscall.Read(int(fd), c.buffer[:])
	for errors.Is(err, syscall.EINTR) {
		n, err = syscall.Read(int(fd), c.buffer[:])
	}
	if n > 0 {
		c.data = c.buffer[:n]
		s.chunk = c
		return true
	}
	s.chunks.put(c)
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return false
	case err != nil:
		s.ended = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", err)}
	default:
		s.ended = io.EOF
	}
	return true
}
