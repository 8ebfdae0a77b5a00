package link

import (
	"net"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
)

// socketBuffer is asked of the system for each UDP socket; the system may grant
// less. Bursts of a game that sends once a frame fit into it; with the system's
// default a third of 50 000 messages a second was lost.
const socketBuffer = 4 << 20

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
