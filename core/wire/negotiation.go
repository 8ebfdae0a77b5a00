package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// NegotiationKind says what a negotiation message is.
type NegotiationKind uint8

// The messages by which two peers negotiate a connection.
const (
	RoleNumber NegotiationKind = 1 // between two listeners the higher number offers
	Offer      NegotiationKind = 2
	Answer     NegotiationKind = 3
	Candidate  NegotiationKind = 4
	Restarting NegotiationKind = 5 // between own peers that are connected: about a new path
)

// Negotiation is one message of the negotiation; which fields count depends on
// Kind.
type Negotiation struct {
	Kind             NegotiationKind
	Number           int32  // RoleNumber
	SDP              string // Offer, Answer
	Candidate        string // Candidate, and the rest too
	SDPMid           string
	SDPMLineIndex    uint16
	UsernameFragment string

	Restart string // Restarting: the bytes of a sealed Restart
	Member  uint64 // Restarting: towards the host, to whom; from it, from whom; 0: the two themselves
}

// ErrNegotiation is returned for what is no negotiation message.
var ErrNegotiation = errors.New("wire: malformed negotiation message")

// Bounds of what one message may hold; real descriptions have a few KiB, real
// candidates 200 bytes.
const (
	maxNegotiation = 128 << 10 // UTF-16
	maxCandidate   = 2 << 10   // all fields of one together
)

// oversized reports whether a candidate is longer than any real one.
func (n *Negotiation) oversized() bool {
	return len(n.Candidate)+len(n.SDPMid)+len(n.UsernameFragment) > maxCandidate
}

// ParseNegotiation decodes a message, UTF-16LE text as it goes through the
// signaling server.
func ParseNegotiation(utf16le []byte) (Negotiation, error) {
	if len(utf16le) == 0 || len(utf16le) > maxNegotiation || len(utf16le)%2 != 0 {
		return Negotiation{}, ErrNegotiation
	}
	text := decodeUTF16(utf16le)
	if text[0] != '{' {
		if text[0] < '0' || text[0] > '9' { // ParseInt takes a sign too
			return Negotiation{}, ErrNegotiation
		}
		number, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return Negotiation{}, ErrNegotiation
		}
		return Negotiation{Kind: RoleNumber, Number: int32(number)}, nil
	}
	var m struct {
		Type             string  `json:"type"`
		SDP              string  `json:"sdp"`
		Candidate        *string `json:"candidate"`
		SDPMid           *string `json:"sdpMid"`
		SDPMLineIndex    *uint16 `json:"sdpMLineIndex"`
		UsernameFragment *string `json:"usernameFragment"`
		Restart          []byte  `json:"unityp2pRestart"`
		Member           string  `json:"member"`
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return Negotiation{}, ErrNegotiation
	}
	switch {
	case m.Type == "offer" && m.SDP != "":
		return Negotiation{Kind: Offer, SDP: m.SDP}, nil
	case m.Type == "answer" && m.SDP != "":
		return Negotiation{Kind: Answer, SDP: m.SDP}, nil
	case m.Type == "" && m.Candidate != nil:
		n := Negotiation{
			Kind: Candidate, Candidate: *m.Candidate, SDPMid: or(m.SDPMid),
			SDPMLineIndex: or(m.SDPMLineIndex), UsernameFragment: or(m.UsernameFragment),
		}
		if n.oversized() {
			return Negotiation{}, ErrNegotiation
		}
		return n, nil
	case m.Type == "" && len(m.Restart) > 0 && len(m.Restart) <= MaxRestart:
		n := Negotiation{Kind: Restarting, Restart: string(m.Restart)}
		if m.Member != "" {
			var err error
			if n.Member, err = strconv.ParseUint(m.Member, 16, 64); err != nil {
				return Negotiation{}, ErrNegotiation
			}
		}
		return n, nil
	}
	return Negotiation{}, ErrNegotiation
}

func or[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// orNull: a browser looks an empty sdpMid up and fails, but for null it goes by
// sdpMLineIndex.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Append appends the message as UTF-16LE text.
func (n Negotiation) Append(dst []byte) []byte {
	if n.Kind == RoleNumber {
		return appendUTF16(dst, strconv.Itoa(int(n.Number)))
	}
	var m any
	switch n.Kind {
	case Offer, Answer:
		kind := "offer"
		if n.Kind == Answer {
			kind = "answer"
		}
		m = struct {
			Type string `json:"type"`
			SDP  string `json:"sdp"`
		}{kind, n.SDP}
	case Restarting: // older own peers ignore it
		member := ""
		if n.Member != 0 {
			member = fmt.Sprintf("%016x", n.Member)
		}
		m = struct {
			Restart []byte `json:"unityp2pRestart"`
			Member  string `json:"member,omitempty"`
		}{[]byte(n.Restart), member}
	default:
		m = struct {
			Candidate        string  `json:"candidate"`
			SDPMid           *string `json:"sdpMid"`
			SDPMLineIndex    uint16  `json:"sdpMLineIndex"`
			UsernameFragment *string `json:"usernameFragment"`
		}{n.Candidate, orNull(n.SDPMid), n.SDPMLineIndex, orNull(n.UsernameFragment)}
	}
	text, err := json.Marshal(m)
	if err != nil {
		return dst // strings and numbers always encode
	}
	return appendUTF16(dst, string(text))
}
