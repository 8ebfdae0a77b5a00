package turn

import (
	"net"
	"net/netip"
	"sync"
)

// mostPeers is how many addresses one client's relay may exchange packets with at
// a time. Each costs memory for the five minutes that a permission lasts (RFC 8656
// section 9), and pion does not count them. A room has some for each player.
const mostPeers = 1024

// tally counts what pion does not, by whose it is.
type tally struct {
	most int

	mu sync.Mutex
	of map[string]int
}

func newTally(most int) *tally { return &tally{most: most, of: make(map[string]int)} }

func (t *tally) full(whose string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of[whose] >= t.most
}

func (t *tally) add(whose string, change int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of[whose] += change; t.of[whose] <= 0 {
		delete(t.of, whose)
	}
}

// household returns what stands for all addresses of one customer: the IP address,
// or its /64 of IPv6.
func household(a net.Addr) string {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return ""
	}
	ip := at.Addr().Unmap().WithZone("")
	if prefix, err := ip.Prefix(64); err == nil && ip.Is6() {
		return prefix.String()
	}
	return ip.String()
}
