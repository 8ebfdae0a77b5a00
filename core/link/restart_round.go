package link

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"unityp2p/core/wire"
)

// round is one search for a path: the link's first, or a restart. Who asks relays for
// it waits until the other side has described itself.
type round struct {
	described chan struct{}
	once      sync.Once
}

func newRound() *round { return &round{described: make(chan struct{})} }

func (r *round) describe() { r.once.Do(func() { close(r.described) }) }

// pair returns the addresses between which the path goes, nil if there is none.
func (l *Link) pair() *webrtc.ICECandidatePair {
	pair, err := l.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil {
		return nil
	}
	return pair
}

// start begins a generation: what pion finds from now on belongs to it.
func (r *restarter) start(generation uint64, now time.Duration) {
	l := r.link
	r.generation, r.began, r.last, r.connected = generation, now, now, 0
	r.described, r.taken = false, 0
	r.mu.Lock()
	r.current, r.found = generation, nil
	r.mu.Unlock()
	l.hurry.again()
	l.ownAddresses.forget()
	l.theirAddresses.forget()
	l.theirRelays.forget()
	l.round.Store(newRound())
	// The servers may have given other credentials since.
	if err := l.pc.SetConfiguration(l.engine.configuration()); err != nil {
		l.engine.options.Logger.Warn("the ICE servers stay as they were", "error", err)
	}
}

// offer begins a restart.
func (r *restarter) offer(now time.Duration) error {
	l := r.link
	r.start(r.generation+1, now)
	offer, err := l.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		return fmt.Errorf("creating an offer: %w", err)
	}
	l.heardFrom.forget() // from now on nothing of the old path counts
	// Pion cannot take an offer back. But it says in each what holds for its ICE
	// agent now, so that one which was not answered may be replaced, if only pion is
	// not told.
	if !r.offering {
		if err := l.pc.SetLocalDescription(offer); err != nil {
			return fmt.Errorf("setting the offer: %w", err)
		}
		r.offering = true
	}
	return r.present(wire.RestartOffer, offer.SDP)
}

// answer begins the restart that the other side offers.
func (r *restarter) answer(m *wire.Restart, now time.Duration) error {
	l := r.link
	r.start(m.Generation, now)
	if err := r.describe(webrtc.SDPTypeOffer, m); err != nil {
		return err
	}
	answer, err := l.pc.CreateAnswer(nil)
	if err != nil {
		return fmt.Errorf("creating an answer: %w", err)
	}
	if err := l.pc.SetLocalDescription(answer); err != nil {
		return fmt.Errorf("setting the answer: %w", err)
	}
	return r.present(wire.RestartAnswer, answer.SDP)
}

// accept takes the answer to our offer.
func (r *restarter) accept(m *wire.Restart) error {
	r.offering = false
	return r.describe(webrtc.SDPTypeAnswer, m)
}

// present says how we are to be addressed.
func (r *restarter) present(kind wire.RestartKind, sdp string) error {
	fragment, ok := sdpValue(sdp, "a=ice-ufrag:")
	password, also := sdpValue(sdp, "a=ice-pwd:")
	if !ok || !also {
		return errors.New("a description without credentials")
	}
	r.tell(wire.Restart{Kind: kind, Fragment: fragment, Password: password})
	return nil
}

// describe tells pion how the other side is to be addressed. All else is as it was:
// nothing that comes by these messages can change the connection.
func (r *restarter) describe(kind webrtc.SDPType, m *wire.Restart) error {
	before := r.link.pc.CurrentRemoteDescription()
	if before == nil {
		return errors.New("no description yet")
	}
	sdp := withCredentials(before.SDP, m.Fragment, m.Password)
	if err := r.link.pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: sdp}); err != nil {
		return fmt.Errorf("setting the %s: %w", kind, err)
	}
	r.described = true
	r.link.round.Load().describe()
	return nil
}

// withCredentials is a description with other ICE credentials, and no candidates.
func withCredentials(sdp, fragment, password string) string {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			line = "a=ice-ufrag:" + fragment + "\r\n"
		case strings.HasPrefix(line, "a=ice-pwd:"):
			line = "a=ice-pwd:" + password + "\r\n"
		case strings.HasPrefix(line, "a=candidate:"), strings.HasPrefix(line, "a=end-of-candidates"):
			continue
		}
		b.WriteString(line)
	}
	return b.String()
}

// learn gives pion the addresses of the other side that it does not know yet. There
// are no more of them than a message holds.
func (r *restarter) learn(m *wire.Restart) {
	if m.Generation != r.generation || !r.described || len(m.Candidates) <= r.taken {
		return
	}
	for _, c := range m.Candidates[r.taken:] {
		r.link.noteTheirs(c)
		if err := r.link.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: c}); err != nil {
			r.link.engine.options.Logger.Debug("candidate ignored", "error", err)
		}
	}
	r.taken = len(m.Candidates)
}
