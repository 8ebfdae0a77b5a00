package link

import (
	"fmt"

	"github.com/pion/datachannel"
	"github.com/pion/webrtc/v4"

	"unityp2p/core/wire"
)

// negotiator is the supervisor's part that trades descriptions.
type negotiator struct {
	link      *Link
	described bool // the remote description is set
	early     []webrtc.ICECandidateInit
	count     int // candidates that came
}

func (n *negotiator) offer() error {
	l := n.link
	if err := l.createChannel(reliable); err != nil {
		return err
	}
	if err := l.createChannel(unreliable); err != nil {
		return err
	}
	offer, err := l.pc.CreateOffer(nil)
	if err != nil {
		return fmt.Errorf("creating an offer: %w", err)
	}
	// The offer leaves before the first candidate, which this starts to gather.
	l.handler.Signal(l, wire.Negotiation{Kind: wire.Offer, SDP: markSDP(offer.SDP)})
	if err := l.pc.SetLocalDescription(offer); err != nil {
		return fmt.Errorf("setting the offer: %w", err)
	}
	return nil
}

// take handles one message of the other side.
func (n *negotiator) take(s wire.Negotiation) error {
	switch s.Kind {
	case wire.Offer:
		if n.link.offerer || n.described {
			return nil // a repetition, or both offer: the role decides
		}
		return n.answer(s.SDP)
	case wire.Answer:
		if !n.link.offerer || n.described {
			return nil
		}
		return n.accept(s.SDP)
	case wire.Candidate:
		return n.candidate(s)
	default:
		return nil
	}
}

func (n *negotiator) answer(sdp string) error {
	l := n.link
	if err := n.describe(sdp); err != nil {
		return err
	}
	if err := n.setRemote(webrtc.SDPTypeOffer, sdp); err != nil {
		return err
	}
	answer, err := l.pc.CreateAnswer(nil)
	if err != nil {
		return fmt.Errorf("creating an answer: %w", err)
	}
	answerSDP := answer.SDP
	if l.own {
		answerSDP = markSDP(answerSDP)
	}
	l.handler.Signal(l, wire.Negotiation{Kind: wire.Answer, SDP: answerSDP})
	if err := l.pc.SetLocalDescription(answer); err != nil {
		return fmt.Errorf("setting the answer: %w", err)
	}
	return nil
}

func (n *negotiator) accept(sdp string) error {
	l := n.link
	if err := n.describe(sdp); err != nil {
		return err
	}
	if l.own {
		if err := l.createChannel(control); err != nil {
			return err
		}
	}
	return n.setRemote(webrtc.SDPTypeAnswer, sdp)
}

// describe notes what the other side's SDP says of it.
func (n *negotiator) describe(sdp string) error {
	if err := checkSDP(sdp); err != nil {
		return err
	}
	l := n.link
	l.own = ownVersion(sdp)
	l.maxReliable = maxMessageSize(sdp)
	l.maxUnreliable = l.maxReliable
	return nil
}

func (n *negotiator) setRemote(kind webrtc.SDPType, sdp string) error {
	err := n.link.pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: sdp})
	if err != nil {
		return fmt.Errorf("setting the %s: %w", kind, err)
	}
	n.described = true
	n.link.round.Load().describe()
	for _, c := range n.early {
		n.add(c)
	}
	n.early = nil
	return nil
}

// candidate takes one address of the other side. Each makes us send requests to
// it, so that a list without end would make us flood a stranger.
func (n *negotiator) candidate(s wire.Negotiation) error {
	if n.count++; n.count > maxCandidates {
		return errTooManyCandidates
	}
	n.link.noteTheirs(s.Candidate)
	c := webrtc.ICECandidateInit{Candidate: s.Candidate, SDPMLineIndex: &s.SDPMLineIndex}
	if s.SDPMid != "" {
		c.SDPMid = &s.SDPMid
	}
	if s.UsernameFragment != "" {
		c.UsernameFragment = &s.UsernameFragment
	}
	if n.described {
		n.add(c)
		return nil
	}
	n.early = append(n.early, c)
	return nil
}

// add ignores candidates that pion cannot use: others may do.
func (n *negotiator) add(c webrtc.ICECandidateInit) {
	if err := n.link.pc.AddICECandidate(c); err != nil {
		n.link.engine.options.Logger.Debug("candidate ignored", "error", err)
	}
}

// watch connects pion's callbacks.
func (l *Link) watch() {
	l.pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c == nil {
			return
		}
		if c.Typ == webrtc.ICECandidateTypeHost {
			l.ownAddresses.add(c.Address)
		}
		init := c.ToJSON()
		if l.restart.find(init.Candidate) {
			return
		}
		s := wire.Negotiation{Kind: wire.Candidate, Candidate: init.Candidate}
		if init.SDPMid != nil {
			s.SDPMid = *init.SDPMid
		}
		if init.SDPMLineIndex != nil {
			s.SDPMLineIndex = *init.SDPMLineIndex
		}
		l.handler.Signal(l, s)
	})
	l.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		switch s {
		case webrtc.PeerConnectionStateConnected:
			l.meet.Do(func() { close(l.met) })
		case webrtc.PeerConnectionStateFailed:
			if l.restart.usable.Load() && l.pc.ICEConnectionState() == webrtc.ICEConnectionStateFailed {
				l.restart.note(func(*restarter) {}) // there may be another path
				return
			}
			l.fail.Do(func() { close(l.failed) })
		case webrtc.PeerConnectionStateClosed:
			l.fail.Do(func() { close(l.failed) })
		}
	})
	l.pc.OnICEConnectionStateChange(func(s webrtc.ICEConnectionState) {
		l.in.iceLost.Store(s == webrtc.ICEConnectionStateDisconnected)
	})
	l.pc.SCTP().Transport().ICETransport().OnSelectedCandidatePairChange(l.selected)
	l.pc.OnDataChannel(l.offered)
}

// selected notes that pion has chosen a path.
func (l *Link) selected(pair *webrtc.ICECandidatePair) {
	before := l.lastPath
	l.lastPath = address(pair.Local) + " " + address(pair.Remote)
	if l.open.Load() && l.lastPath != before {
		l.trips.moved()
		l.handler.Moved(l)
	}
}

// maxOffered bounds the data channels that the other side may open. Each takes
// memory, also of those that nobody reads.
const maxOffered = 16

// offered takes a data channel that the other side opened.
func (l *Link) offered(dc *webrtc.DataChannel) {
	if l.dataChannels.Add(1) > maxOffered {
		l.stop(Protocol)
		return
	}
	for kind, label := range labels {
		if dc.Label() == label && !l.offerer && (l.own || kind != control) {
			l.adopt(kind, dc)
			return
		}
	}
	l.engine.options.Logger.Info("data channel with an unknown label ignored")
}

func (l *Link) createChannel(kind int) error {
	init := &webrtc.DataChannelInit{}
	if kind == unreliable {
		ordered, retransmits := false, uint16(0)
		init.Ordered, init.MaxRetransmits = &ordered, &retransmits
	}
	dc, err := l.pc.CreateDataChannel(labels[kind], init)
	if err != nil {
		return fmt.Errorf("creating data channel %s: %w", labels[kind], err)
	}
	l.adopt(kind, dc)
	return nil
}

// adopt hands the channel to the supervisor once it is open. A second channel
// of the same kind finds the queue full or is not looked at.
func (l *Link) adopt(kind int, dc *webrtc.DataChannel) {
	dc.OnOpen(func() {
		raw, err := dc.Detach()
		if err != nil {
			l.stop(Failed)
			return
		}
		stream, ok := raw.(*datachannel.DataChannel)
		if !ok {
			l.stop(Failed)
			return
		}
		select {
		case l.opened <- &channel{kind: kind, stream: stream}:
		default:
		}
	})
}
