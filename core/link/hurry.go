package link

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
)

// hurry makes pion choose a pair of candidates as soon as there is one to
// choose. Left to itself it looks every 200 ms only, which is most of the time
// that a connection takes on a short way.
type hurry struct {
	asked atomic.Bool   // a request came: the pair that it came by is likely to work
	heard atomic.Bool   // a request has ever come
	began time.Time     // when checking began
	last  time.Duration // when we thought of it last, since then
	sent  time.Duration // when we looked last
	looks int
}

// Between two thoughts of looking, and for how long we do it at all. At first we
// look without news too: the first checks fail where the other side's router has
// not been opened yet from within, and relays come in after that time.
const (
	lookInterval  = 20 * time.Millisecond
	lookTime      = 10 * time.Second
	eagerInterval = 60 * time.Millisecond
	eagerTime     = 400 * time.Millisecond
)

// again begins anew, for another path.
func (h *hurry) again() {
	h.asked.Store(false)
	h.heard.Store(false)
	h.began, h.last, h.sent = time.Time{}, 0, 0
}

// request notes one of the other side's.
func (h *hurry) request() {
	h.asked.Store(true)
	h.heard.Store(true)
}

// due reports whether it is time to look. Only who chooses the pair has news: a
// request came, or a wait is over.
func (h *hurry) due(now time.Time, chooses bool) bool {
	if h.began.IsZero() {
		h.began = now
	}
	since := now.Sub(h.began)
	over := func(wait time.Duration) bool { return h.last < wait && since >= wait }
	waited := over(srflxWait) || over(prflxWait) || over(relayWait)
	h.last = since
	news := chooses && (h.asked.Swap(false) || waited)
	eager := since < eagerTime && since-h.sent >= eagerInterval
	if since >= lookTime || !news && !eager {
		return false
	}
	h.sent = since
	return true
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

// With relays among its candidates pion asks each for permission to talk to each
// address of the other side, one after the other, and does nothing else
// meanwhile: direct ways came later, or not at all. So these are tried first.
// The offerer, when it has the answer, hears at once who can reach it; the other
// side waits for the answer's way and that of the first check.
const (
	offererHold  = 100 * time.Millisecond // after the other side's description
	answererHold = 250 * time.Millisecond
	directHold   = time.Second // more, if something of the other side's has come through
)

var errNoRelayWanted = errors.New("connected without a relay")

// relayWanted waits until it is time to ask a relay, and returns an error if there
// is no need to.
func (l *Link) relayWanted(ctx context.Context) error {
	round := l.round.Load()
	select {
	case <-round.described:
	case <-ctx.Done():
		return ctx.Err()
	}
	hold := answererHold
	if l.offerer {
		hold = offererHold
	}
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	for began := time.Now(); ; {
		select {
		case now := <-look.C:
			if l.connected() || l.round.Load() != round {
				return errNoRelayWanted
			}
			held := now.Sub(began)
			if held >= hold+directHold || held >= hold && !l.hurry.heard.Load() {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// connected reports whether there is a path in this round. Pion's state follows with
// a delay, and its pair must not be asked for before it has begun to look for one.
func (l *Link) connected() bool {
	switch l.pc.ICEConnectionState() {
	case webrtc.ICEConnectionStateNew, webrtc.ICEConnectionStateChecking:
		return false
	}
	return l.pair() != nil
}

// hasten is called every lookInterval while the link is coming up. It reports
// whether it wants to be called again.
func (l *Link) hasten(now time.Time) bool {
	switch l.pc.ICEConnectionState() {
	case webrtc.ICEConnectionStateNew:
		return true
	case webrtc.ICEConnectionStateChecking:
		if l.hurry.due(now, l.offerer) {
			l.hurry.look(l.pc)
		}
		return true
	}
	return false
}
