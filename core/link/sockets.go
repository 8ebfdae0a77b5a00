package link

import (
	"net"
	"sync"
	"time"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
)

// sockets is where links get their network from. The zero value is ready.
type sockets struct {
	mu     sync.Mutex
	known  *network
	listed time.Time
}

// fresh is how long a list of the network interfaces may be used: a phone or
// laptop may have moved since. Links that begin together, when somebody joins,
// share one.
const fresh = time.Second

// current returns the network as it is now.
func (s *sockets) current() (*network, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known != nil && time.Since(s.listed) < fresh {
		return s.known, nil
	}
	n, err := stdnet.NewNet()
	if err != nil {
		return nil, err
	}
	s.known, s.listed = &network{n}, time.Now()
	return s.known, nil
}

// network is pion's with larger socket buffers. Every link has sockets of its
// own: a mux would route by remote address and mix up two links between the same
// two machines.
type network struct {
	*stdnet.Net
}

// ListenUDP opens a socket. Smaller buffers than asked for are no error.
func (*network) ListenUDP(family string, local *net.UDPAddr) (transport.UDPConn, error) {
	conn, err := net.ListenUDP(family, local)
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(socketBuffer)
	_ = conn.SetWriteBuffer(socketBuffer)
	return conn, nil
}
