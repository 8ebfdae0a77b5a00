package turn

import (
	"net"
	"sync"
)

// mostPeers is how many addresses one client's relay may exchange packets with at
// a time. Each costs memory for the five minutes that a permission lasts (RFC 8656
// section 9), and pion does not count them. A room has some for each player.
const mostPeers = 1024

// permissions counts those that there are, by the client's address.
type permissions struct {
	mu sync.Mutex
	of map[string]int
}

func (p *permissions) full(client net.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.of[client.String()] >= mostPeers
}

func (p *permissions) add(client net.Addr, change int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := client.String()
	if p.of[key] += change; p.of[key] <= 0 {
		delete(p.of, key)
	}
}
