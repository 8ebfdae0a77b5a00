package link

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
)

// hurry makes pion choose a pair of candidates as soon as there is one to
// choose. Left to itself it looks every 200 ms only, which is most of the time
// that a connection takes on a short way.
type hurry struct {
	asked atomic.Bool   // a request came: the pair that it came by is likely to work
	began time.Time     // when checking began
	last  time.Duration // when we looked last, since then
	looks int
}

// Between two looks, and for how long we do it at all.
const (
	lookInterval = 20 * time.Millisecond
	lookTime     = 10 * time.Second
)

// requestHandler is pion's type for what is told of requests.
type requestHandler = func(*stun.Message, ice.Candidate, ice.Candidate, *ice.CandidatePair) bool

// request is called by pion for each request of the other side's. To say true
// would mean to choose the pair.
func (h *hurry) request(*stun.Message, ice.Candidate, ice.Candidate, *ice.CandidatePair) bool {
	h.asked.Store(true)
	return false
}

// due reports whether there may be news: a request came, or a wait is over.
func (h *hurry) due(now time.Time) bool {
	if h.began.IsZero() {
		h.began = now
	}
	since := now.Sub(h.began)
	over := func(wait time.Duration) bool { return h.last < wait && since >= wait }
	waited := over(srflxWait) || over(prflxWait) || over(relayWait)
	h.last = since
	return since < lookTime && (h.asked.Swap(false) || waited)
}

// look makes pion look now. A candidate that comes makes it do so, and one for
// passive TCP goes with no other: it costs nothing else.
func (h *hurry) look(pc *webrtc.PeerConnection) {
	h.looks++
	section := uint16(0)
	_ = pc.AddICECandidate(webrtc.ICECandidateInit{
		Candidate:     fmt.Sprintf("candidate:1 1 tcp 1 127.0.0.1 %d typ host tcptype passive", h.looks),
		SDPMLineIndex: &section,
	})
}

// relayHold is how long direct ways are tried before a relay is asked for. With
// relays among its candidates pion asks each for permission to talk to each
// address of the other side, one after the other, and does nothing else
// meanwhile: direct ways came later, or not at all.
const relayHold = 150 * time.Millisecond

var errNoRelayWanted = errors.New("connected without a relay")

// relayWanted waits until it is time to ask a relay.
func (l *Link) relayWanted(ctx context.Context) error {
	select {
	case <-l.described:
	case <-ctx.Done():
		return ctx.Err()
	}
	hold := time.NewTimer(relayHold)
	defer hold.Stop()
	select {
	case <-hold.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	switch l.pc.ICEConnectionState() {
	case webrtc.ICEConnectionStateConnected, webrtc.ICEConnectionStateCompleted:
		return errNoRelayWanted
	}
	return nil
}

// hasten is called every lookInterval while the link is coming up. It reports
// whether it wants to be called again.
func (l *Link) hasten(now time.Time) bool {
	switch l.pc.ICEConnectionState() {
	case webrtc.ICEConnectionStateNew:
		return true
	case webrtc.ICEConnectionStateChecking:
		if l.hurry.due(now) {
			l.hurry.look(l.pc)
		}
		return true
	}
	return false
}
