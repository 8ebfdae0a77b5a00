package link

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
)

// Stats describes the link.
type Stats struct {
	LocalType, RemoteType   webrtc.ICECandidateType
	Local, Remote           string // address and port
	RTT                     time.Duration
	Connecting              time.Duration // from the link's beginning to Up
	BytesSent, MessagesSent uint64
	BytesReceived           uint64
	MessagesReceived        uint64
	Unsent                  uint64
	Dropped                 uint64

	PassedOn, PassedOnDropped uint64 // host: bytes and unreliable packets of other clients
}

// Stats returns a snapshot. Valid from Up on.
func (l *Link) Stats() Stats {
	s := Stats{
		RTT:              time.Duration(l.rtt.Load()),
		Connecting:       l.connecting,
		BytesReceived:    l.in.bytes.Load(),
		MessagesReceived: l.in.messages.Load(),
	}
	l.out.mu.Lock()
	s.BytesSent, s.MessagesSent, s.Dropped = l.out.bytes, l.out.messages, l.out.dropped
	s.Unsent = uint64(l.out.reliable.cost + l.out.unreliable.cost)
	l.out.mu.Unlock()
	s.Unsent += uint64(l.copier.waiting())
	for _, c := range l.channels[:control] {
		s.Unsent += c.stream.BufferedAmount()
	}
	if l.port != nil {
		s.PassedOn, s.PassedOnDropped = l.carriage.passedOn()
	}
	if l.pc == nil {
		return s
	}
	ice := l.pc.SCTP().Transport().ICETransport()
	if pair, err := ice.GetSelectedCandidatePair(); err == nil && pair != nil {
		s.LocalType = l.ownAddresses.typeOf(pair.Local)
		s.RemoteType = l.theirAddresses.typeOf(pair.Remote)
		s.Local, s.Remote = address(pair.Local), address(pair.Remote)
	}
	if s.RTT == 0 {
		s.RTT = l.iceTrip()
	}
	return s
}

// iceTrip is the round trip of ICE's last check, 0 if there was none.
func (l *Link) iceTrip() time.Duration {
	pair, ok := l.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePairStats()
	if !ok {
		return 0
	}
	return time.Duration(pair.CurrentRoundTripTime * float64(time.Second))
}

func address(c *webrtc.ICECandidate) string {
	return net.JoinHostPort(c.Address, strconv.Itoa(int(c.Port)))
}

// addresses are those of one machine's own interfaces, by its host candidates.
// The zero value is ready.
type addresses struct {
	mu  sync.Mutex
	all []string
}

// maxAddresses bounds what the other side can make us remember.
const maxAddresses = maxCandidates

func (a *addresses) add(address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.all) < maxAddresses {
		a.all = append(a.all, address)
	}
}

// addOnce is add for what may be there.
func (a *addresses) addOnce(address string) {
	if !a.has(address) {
		a.add(address)
	}
}

// forget is for another path.
func (a *addresses) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = nil
}

func (a *addresses) list() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.all)
}

func (a *addresses) has(address string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.all, address)
}

// noteTheirs notes the address of the other side's that a candidate's line names, if it
// is its own or at a relay.
func (l *Link) noteTheirs(line string) {
	// foundation, component, transport, priority, address, port, "typ", type
	f := strings.Fields(line)
	if len(f) < 8 {
		return
	}
	switch f[7] {
	case "host":
		l.theirAddresses.add(f[4])
	case "relay":
		l.theirRelays.add(net.JoinHostPort(f[4], f[5]))
	}
}

// typeOf names what a candidate is. Pion has sockets of their own for STUN, and
// what is seen of them where there is no NAT is a host's address all the same.
func (a *addresses) typeOf(c *webrtc.ICECandidate) webrtc.ICECandidateType {
	if c.Typ != webrtc.ICECandidateTypeRelay && a.has(c.Address) {
		return webrtc.ICECandidateTypeHost
	}
	return c.Typ
}
