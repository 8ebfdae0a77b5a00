package link

import (
	"errors"
	"net"
	"net/netip"
	"os"
)

// socket is a UDP socket as pion's ICE agent reads it: by ReadFromAddrPort, of
// which ice.AddrPortReaderWriter tells.
type socket struct {
	*net.UDPConn
}

// mostErrors in a row, each of which might be that of a single datagram, mean that
// the socket itself is broken.
const mostErrors = 64

// ReadFromAddrPort returns the next datagram. An error of one datagram (too large
// for Windows, refused by a router) is not the socket's: pion would stop reading.
func (s *socket) ReadFromAddrPort(p []byte) (n int, from netip.AddrPort, err error) {
	for range mostErrors {
		n, from, err = s.ReadFromUDPAddrPort(p)
		if err == nil || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
	}
	return n, from, err
}

// WriteToAddrPort sends a datagram.
func (s *socket) WriteToAddrPort(p []byte, to netip.AddrPort) (int, error) {
	return s.WriteToUDPAddrPort(p, to)
}
