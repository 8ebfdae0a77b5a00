package link

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pion/datachannel"
	"github.com/pion/webrtc/v4"

	"unityp2p/core/wire"
)

// markPrefix begins the SDP line by which own peers know each other:
// version, then capabilities (none are defined yet). Others ignore it (RFC 8866
// section 5.13).
const markPrefix = "a=unityp2p:"

func markSDP(sdp string) string {
	if !strings.HasSuffix(sdp, "\n") {
		sdp += "\r\n"
	}
	return sdp + markPrefix + strconv.Itoa(wire.Version) + " 0\r\n"
}

// sdpLines yields the value after prefix of the first line that has it.
func sdpValue(sdp, prefix string) (string, bool) {
	for line := range strings.Lines(sdp) {
		if value, ok := strings.CutPrefix(line, prefix); ok {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// ownVersion reports whether the SDP is from a peer that speaks our version.
// Peers that only speak another one meet us as original peers do.
func ownVersion(sdp string) bool {
	value, ok := sdpValue(sdp, markPrefix)
	if !ok {
		return false
	}
	version, _, _ := strings.Cut(value, " ")
	return version == strconv.Itoa(wire.Version)
}

// maxMessageSize reads RFC 8841's attribute: absent means 64 KiB, 0 any size.
func maxMessageSize(sdp string) int {
	value, ok := sdpValue(sdp, "a=max-message-size:")
	if !ok {
		return 65535
	}
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return 65535
	}
	if n == 0 || n > maxRawMessage {
		return maxRawMessage
	}
	return int(n)
}

// maxEarly bounds the candidates that may come before the description.
const maxEarly = 64

// negotiator is the supervisor's part that trades descriptions.
type negotiator struct {
	link      *Link
	described bool // the remote description is set
	early     []webrtc.ICECandidateInit
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
	l.describe(sdp)
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
	l.describe(sdp)
	if l.own {
		if err := l.createChannel(control); err != nil {
			return err
		}
	}
	return n.setRemote(webrtc.SDPTypeAnswer, sdp)
}

// describe notes what the other side's SDP says of it.
func (l *Link) describe(sdp string) {
	l.own = ownVersion(sdp)
	l.maxReliable = maxMessageSize(sdp)
	l.maxUnreliable = l.maxReliable
}

func (n *negotiator) setRemote(kind webrtc.SDPType, sdp string) error {
	err := n.link.pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: sdp})
	if err != nil {
		return fmt.Errorf("setting the %s: %w", kind, err)
	}
	n.described = true
	for _, c := range n.early {
		n.add(c)
	}
	n.early = nil
	return nil
}

func (n *negotiator) candidate(s wire.Negotiation) error {
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
	if len(n.early) == maxEarly {
		return errors.New("too many candidates before the description")
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
		init := c.ToJSON()
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
		if s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateClosed {
			l.fail.Do(func() { close(l.failed) })
		}
	})
	l.pc.OnICEConnectionStateChange(func(s webrtc.ICEConnectionState) {
		l.in.iceLost.Store(s == webrtc.ICEConnectionStateDisconnected)
	})
	l.pc.OnDataChannel(func(dc *webrtc.DataChannel) {
		for kind, label := range labels {
			if dc.Label() == label && !l.offerer {
				l.adopt(kind, dc)
				return
			}
		}
		l.engine.options.Logger.Info("data channel with an unknown label ignored")
	})
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
