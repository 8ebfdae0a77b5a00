package link

import (
	"net"
	"strconv"
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
	for _, c := range l.channels[:control] {
		s.Unsent += c.stream.BufferedAmount()
	}
	ice := l.pc.SCTP().Transport().ICETransport()
	if pair, err := ice.GetSelectedCandidatePair(); err == nil && pair != nil {
		s.LocalType, s.RemoteType = pair.Local.Typ, pair.Remote.Typ
		s.Local, s.Remote = address(pair.Local), address(pair.Remote)
	}
	if s.RTT == 0 {
		if pair, ok := ice.GetSelectedCandidatePairStats(); ok {
			s.RTT = time.Duration(pair.CurrentRoundTripTime * float64(time.Second))
		}
	}
	return s
}

func address(c *webrtc.ICECandidate) string {
	return net.JoinHostPort(c.Address, strconv.Itoa(int(c.Port)))
}
