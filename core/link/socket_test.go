//go:build linux

package link

import (
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// Pion stops reading a socket at its first error. An error that one datagram met
// with must not reach it.
func TestAnErrorOfOneDatagramIsNotTheSockets(t *testing.T) {
	listen := func() *net.UDPConn {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	address := func(c *net.UDPConn) netip.AddrPort { return netip.MustParseAddrPort(c.LocalAddr().String()) }
	conn, other, closed := listen(), listen(), listen()
	nowhere := address(closed)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_RECVERR, 1)
	}); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	s := &socket{UDPConn: conn}
	if err := s.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 100)
	for range 500 {
		// Nobody is there, which this socket hears as an error of its next call,
		// most times the one that reads.
		_, _ = s.WriteToAddrPort([]byte("hello?"), nowhere)
		if _, err := other.WriteToUDPAddrPort([]byte("hello"), address(conn)); err != nil {
			t.Fatal(err)
		}
		n, from, err := s.ReadFromAddrPort(p)
		if err != nil || string(p[:n]) != "hello" || from != address(other) {
			t.Fatalf("%q from %v: %v", p[:n], from, err)
		}
	}
	// A deadline is no such error, nor is the end.
	if err := s.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.ReadFromAddrPort(p); err == nil {
		t.Error("read something after the deadline")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.ReadFromAddrPort(p); err == nil {
		t.Error("read something after Close")
	}
}
