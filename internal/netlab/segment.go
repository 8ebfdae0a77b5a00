//go:build linux

package netlab

import (
	"net/netip"
	"sync"
)

// segment is what wires meet in: the internet, or the network of a home. It
// brings each packet to the wire that has its destination.
type segment struct {
	isolated bool // members reach the gateway only

	mu       sync.RWMutex
	ports    map[netip.Addr]*Port
	prefixes map[netip.Prefix]*Port
	gateway  *Port // of a home: its router
}

func newSegment() *segment {
	return &segment{ports: map[netip.Addr]*Port{}, prefixes: map[netip.Prefix]*Port{}}
}

// forward brings a packet on its way down another wire.
func (s *segment) forward(from *Port, packet []byte) bool {
	to := s.route(from, packet)
	if to == nil || to == from { // nobody's, or its sender's former address
		return false
	}
	to.down.take(packet)
	return true
}

func (s *segment) route(from *Port, packet []byte) *Port {
	address, ok := destination(packet)
	if !ok {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if port := s.ports[address]; port != nil {
		if s.isolated && from != s.gateway && port != s.gateway {
			return nil
		}
		return port
	}
	for prefix, port := range s.prefixes {
		if prefix.Contains(address) {
			return port
		}
	}
	return s.gateway
}

// place says where the addresses are from now on; old ones are nobody's.
func (s *segment) place(port *Port, old, addresses []netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range old {
		if s.ports[a] == port {
			delete(s.ports, a)
		}
	}
	for _, a := range addresses {
		s.ports[a] = port
	}
}

func (s *segment) placeGateway(port *Port) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gateway = port
}

func (s *segment) placePrefix(port *Port, prefix netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prefixes[prefix] = port
}
