package wire

import (
	"encoding/binary"
	"unicode/utf8"
)

// ControlKind says what a message on the control channel is.
type ControlKind uint8

// The messages of the control channel (docs/protocol.md).
const (
	ControlHello  ControlKind = 1 // first on the channel, from both
	ControlMember ControlKind = 2 // host: this member is in the room
	ControlGone   ControlKind = 3 // host: this member is no longer in the room
	ControlSignal ControlKind = 4 // offer, answer or candidate, through the host
	ControlCredit ControlKind = 5 // how much more reliable data may come
	ControlPing   ControlKind = 6
	ControlPong   ControlKind = 7
	ControlBye    ControlKind = 8 // the sender ends the connection

	ControlCarry   ControlKind = 9  // pass this restart message on to that member
	ControlCarried ControlKind = 10 // that member wants this restart message passed on to you

	ControlRelayed     ControlKind = 16 // a control message of the connection between two clients
	ControlRelayCredit ControlKind = 17 // host: how much more for that member it takes
)

// MaxControl is the largest control message.
const MaxControl = 64 << 10

// MaxRelayedControl is the largest control message that the host passes on.
const MaxRelayedControl = MaxControl - 64

// Flags of Control.Flags.
const (
	HelloHost   = 1 // hello: the sender hosts the room
	MemberOffer = 1 // member: the receiver makes the offer
	MemberRelay = 2 // member: it can also be reached through the host
)

// Capabilities, in Control.Capabilities.
const (
	// CapabilityRestart: the sender makes the path of a connection anew by restart
	// messages, and passes on those of others.
	CapabilityRestart = 1 << 0
	// CapabilityRelay says of a client that it can be reached through the host, and
	// of a host that it passes packets on.
	CapabilityRelay = 1 << 1
	// CapabilityCopies: the sender takes copies of reliable packets on the unreliable
	// channel, and says what it got. Where both sides say it both may be sent.
	CapabilityCopies = 1 << 2
)

// Goodbye reasons of Control.Reason, in bye and gone.
const (
	ReasonLeft    = 1 // it leaves the room
	ReasonRemoved = 2 // it was, or you are, removed
	ReasonLost    = 3 // gone: the host no longer reaches it
	ReasonFull    = 4 // bye: the room takes no more members
	ReasonOther   = 5 // bye: replaced by a newer connection of the same member
)

// ChannelReliable is the value of Control.Channel for the reliable channel.
const ChannelReliable = 1

// Control is one decoded control message; which fields count depends on Kind.
type Control struct {
	Kind ControlKind

	Version       uint64 // hello
	Flags         uint64 // hello, member
	Capabilities  uint64 // hello
	MaxMessage    uint64 // hello: largest reliable message that the sender takes
	MaxUnreliable uint64 // hello: largest unreliable message that the sender takes

	Member uint64 // member, gone: whom; signal, relayed: to whom (towards the host), from whom; carry: to whom; carried: from whom

	Route uint64 // relayed, relay credit: which connection of that pair
	Body  []byte // relayed: the control message; carry, carried: the restart message

	Session uint64      // signal: which attempt of that pair to connect; the offerer draws it
	Seq     uint64      // signal: number within the session and direction, from 1; bye: of the last reliable message
	Ack     uint64      // signal: highest Seq received in the session; credit: of the last reliable message received
	Signal  Negotiation // signal

	Channel uint64 // credit
	Limit   uint64 // hello, credit: reliable cost that may be sent in all, from the connection's start; relay credit: see RelayWindow

	Secret RestartSecret // hello with CapabilityRestart

	Token  uint64 // ping, pong
	Reason uint64 // bye, gone
}

// ParseControl decodes a control message. Messages of unknown kinds decode with
// nothing but their Kind, for the receiver to ignore; bytes after the known
// fields are ignored too, so that later versions can add to both. Body aliases p.
func ParseControl(p []byte) (Control, error) {
	if len(p) == 0 || len(p) > MaxControl {
		return Control{}, ErrPacket
	}
	c := Control{Kind: ControlKind(p[0])}
	r := reader{rest: p[1:]}
	switch c.Kind {
	case ControlHello:
		for _, f := range []*uint64{&c.Version, &c.Flags, &c.Capabilities, &c.MaxMessage, &c.MaxUnreliable, &c.Limit} {
			*f = r.number()
		}
		if c.Capabilities&CapabilityRestart != 0 {
			r.bytes(c.Secret[:])
		}
	case ControlMember:
		c.Member, c.Flags = r.id(), r.number()
	case ControlGone:
		c.Member, c.Reason = r.id(), r.number()
	case ControlSignal:
		c.Member = r.id()
		c.Session, c.Seq, c.Ack = r.number(), r.number(), r.number()
		c.Signal = r.signal()
	case ControlCredit:
		c.Channel, c.Limit, c.Ack = r.number(), r.number(), r.number()
	case ControlPing, ControlPong:
		c.Token = r.number()
	case ControlBye:
		c.Reason, c.Seq = r.number(), r.number()
	case ControlCarry, ControlCarried:
		c.Member, c.Body = r.id(), r.body(MaxRestart)
	case ControlRelayed:
		c.Member, c.Route, c.Body = r.id(), r.number(), r.rest
		r.bad = r.bad || c.Member == 0 || len(c.Body) == 0 || len(c.Body) > MaxRelayedControl
	case ControlRelayCredit:
		c.Member, c.Route, c.Limit = r.id(), r.number(), r.number()
	}
	if r.bad {
		return Control{}, ErrPacket
	}
	return c, nil
}

// Append appends the encoding of c.
func (c *Control) Append(dst []byte) []byte {
	dst = append(dst, byte(c.Kind))
	switch c.Kind {
	case ControlHello:
		dst = appendNumbers(dst, c.Version, c.Flags, c.Capabilities, c.MaxMessage, c.MaxUnreliable, c.Limit)
		if c.Capabilities&CapabilityRestart != 0 {
			dst = append(dst, c.Secret[:]...)
		}
		return dst
	case ControlMember:
		return appendNumbers(binary.LittleEndian.AppendUint64(dst, c.Member), c.Flags)
	case ControlGone:
		return appendNumbers(binary.LittleEndian.AppendUint64(dst, c.Member), c.Reason)
	case ControlSignal:
		dst = binary.LittleEndian.AppendUint64(dst, c.Member)
		return appendSignal(appendNumbers(dst, c.Session, c.Seq, c.Ack), &c.Signal)
	case ControlCredit:
		return appendNumbers(dst, c.Channel, c.Limit, c.Ack)
	case ControlPing, ControlPong:
		return appendNumbers(dst, c.Token)
	case ControlBye:
		return appendNumbers(dst, c.Reason, c.Seq)
	case ControlCarry, ControlCarried:
		dst = binary.LittleEndian.AppendUint64(dst, c.Member)
		return append(binary.AppendUvarint(dst, uint64(len(c.Body))), c.Body...)
	case ControlRelayed:
		return append(appendNumbers(binary.LittleEndian.AppendUint64(dst, c.Member), c.Route), c.Body...)
	case ControlRelayCredit:
		return appendNumbers(binary.LittleEndian.AppendUint64(dst, c.Member), c.Route, c.Limit)
	}
	return dst
}

func appendNumbers(dst []byte, numbers ...uint64) []byte {
	for _, n := range numbers {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

// appendSignal encodes an offer or answer as its kind and the SDP, a candidate
// as its kind, m-line index, mid, username fragment and candidate line.
func appendSignal(dst []byte, n *Negotiation) []byte {
	dst = append(dst, byte(n.Kind))
	if n.Kind != Candidate {
		return appendText(dst, n.SDP)
	}
	dst = binary.AppendUvarint(dst, uint64(n.SDPMLineIndex))
	dst = appendText(dst, n.SDPMid)
	dst = appendText(dst, n.UsernameFragment)
	return appendText(dst, n.Candidate)
}

func appendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// reader takes fields off a control message and remembers the first failure.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) number() uint64 {
	v, rest, ok := uvarint(r.rest)
	if !ok {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = rest
	return v
}

func (r *reader) id() uint64 {
	if len(r.rest) < 8 {
		r.bad, r.rest = true, nil
		return 0
	}
	v := binary.LittleEndian.Uint64(r.rest)
	r.rest = r.rest[8:]
	return v
}

func (r *reader) bytes(dst []byte) {
	if len(r.rest) < len(dst) {
		r.bad, r.rest = true, nil
		return
	}
	r.rest = r.rest[copy(dst, r.rest):]
}

// body takes a length and so many bytes off.
func (r *reader) body(most uint64) []byte {
	n := r.number()
	if r.bad || n > most || n > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) text() string {
	n := r.number()
	if r.bad || n > uint64(len(r.rest)) || !utf8.Valid(r.rest[:n]) {
		r.bad = true
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *reader) signal() Negotiation {
	if len(r.rest) == 0 {
		r.bad = true
		return Negotiation{}
	}
	n := Negotiation{Kind: NegotiationKind(r.rest[0])}
	r.rest = r.rest[1:]
	switch n.Kind {
	case Offer, Answer:
		n.SDP = r.text()
	case Candidate:
		line := r.number()
		n.SDPMLineIndex = uint16(line)
		r.bad = r.bad || line > 0xffff
		n.SDPMid, n.UsernameFragment, n.Candidate = r.text(), r.text(), r.text()
		r.bad = r.bad || n.oversized()
	default:
		r.bad = true
	}
	return n
}
