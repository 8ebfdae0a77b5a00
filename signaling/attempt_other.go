//go:build !unix

package signaling

import (
	"net"
	"syscall"
)

// attempt: there is no way to write without waiting. A goroutine does it all.
type attempt struct{}

func rawConn(net.Conn) syscall.RawConn { return nil }

func (attempt) prepare(*batch) {}

func (attempt) write(syscall.RawConn) int { return 0 }

func (*source) receive(uintptr) bool { return true }
