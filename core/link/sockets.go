package link

import (
	"net"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
)

// sockets is pion's network with larger socket buffers. Every link has sockets
// of its own: a mux would route by remote address and mix up two links between
// the same two machines.
type sockets struct {
	*stdnet.Net
}

func newSockets() (sockets, error) {
	n, err := stdnet.NewNet()
	return sockets{n}, err
}

// ListenUDP opens a socket. Smaller buffers than asked for are no error.
func (s sockets) ListenUDP(network string, local *net.UDPAddr) (transport.UDPConn, error) {
	conn, err := net.ListenUDP(network, local)
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(socketBuffer)
	_ = conn.SetWriteBuffer(socketBuffer)
	return conn, nil
}
