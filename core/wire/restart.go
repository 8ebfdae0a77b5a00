package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// RestartKind says what a restart message is.
type RestartKind uint8

// The messages by which two own peers make the path of their link anew.
const (
	RestartAck    RestartKind = 1 // nothing but the acknowledgement, which every message has
	RestartAsk    RestartKind = 2 // a new path is needed; to acknowledge it shows that there is a way to talk
	RestartOffer  RestartKind = 3 // of who made the link's first offer: address me so, from now on
	RestartAnswer RestartKind = 4 // of the other side, to the offer of that generation
)

// Restart is one message about a link's path. It travels by whatever way there is,
// through hands that may not read or forge it, more than once and in any order.
//
// A message is all that its sender has to say of the generation, so that the last
// one replaces those before.
type Restart struct {
	Session    uint64 // which link: RestartKeys knows
	Kind       RestartKind
	Generation uint64 // of the path; the first offer's and answer's is 0
	Seq        uint64 // grows with everything new that the sender says
	Ack        uint64 // the highest Seq that came from the other side

	Fragment   string   // offer, answer: ICE's user name fragment and password (RFC 8445 section 5.3)
	Password   string   //
	Candidates []string // offer, answer: the sender's addresses (RFC 8839 section 5.1), more with each Seq
}

// Bounds of a restart message.
const (
	MaxRestart           = 16 << 10
	MaxRestartCandidates = 64
	maxRestartCandidate  = 512 // bytes
	maxCredential        = 256 // characters of a fragment or password, as in RFC 8839 section 5.4
	restartVersion       = 1
	restartHead          = 1 + 8 // version, session
	macSize              = sha256.Size
)

// RestartSecret is what each side of a link draws and tells the other in its hello.
type RestartSecret [32]byte

// RestartKeys are what both sides of a link know, and nobody else.
type RestartKeys struct {
	Session   uint64
	offerers  [sha256.Size]byte // for what who made the first offer says
	answerers [sha256.Size]byte
}

// NewRestartKeys derives the keys from what both hellos said.
func NewRestartKeys(offerer, answerer RestartSecret) *RestartKeys {
	secret := append(offerer[:], answerer[:]...)
	derive := func(use string) (key [sha256.Size]byte) {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte("unityp2p restart " + use))
		mac.Sum(key[:0])
		return key
	}
	session := derive("session")
	return &RestartKeys{
		Session:  binary.LittleEndian.Uint64(session[:]),
		offerers: derive("offerer"), answerers: derive("answerer"),
	}
}

// ErrRestart is returned for what is no restart message of that link and side.
var ErrRestart = errors.New("wire: no valid restart message")

// Seal encodes a message of the offerer's or the other side. Candidates that break a
// bound are left out.
func (k *RestartKeys) Seal(r *Restart, offerer bool) []byte {
	p := append(make([]byte, 0, 256), restartVersion)
	p = binary.LittleEndian.AppendUint64(p, k.Session)
	p = append(p, byte(r.Kind))
	p = appendNumbers(p, r.Generation, r.Seq, r.Ack)
	if r.Kind == RestartOffer || r.Kind == RestartAnswer {
		p = appendText(appendText(p, r.Fragment), r.Password)
		count := 0
		for _, c := range r.Candidates {
			if count < MaxRestartCandidates && len(c) <= maxRestartCandidate && len(p)+len(c)+2+macSize <= MaxRestart {
				p = appendText(p, c)
				count++
			}
		}
	}
	return append(p, k.mac(p, offerer)...)
}

// Open decodes what the offerer, or the other side, sealed.
func (k *RestartKeys) Open(p []byte, offerer bool) (Restart, error) {
	session, ok := RestartSession(p)
	if !ok || session != k.Session {
		return Restart{}, ErrRestart
	}
	body, mac := p[:len(p)-macSize], p[len(p)-macSize:]
	if subtle.ConstantTimeCompare(mac, k.mac(body, offerer)) != 1 {
		return Restart{}, ErrRestart
	}
	return parseRestart(body)
}

// RestartSession says of which link a restart message wants to be.
func RestartSession(p []byte) (session uint64, ok bool) {
	if len(p) <= restartHead+macSize || len(p) > MaxRestart || p[0] != restartVersion {
		return 0, false
	}
	return binary.LittleEndian.Uint64(p[1:]), true
}

func (k *RestartKeys) mac(body []byte, offerer bool) []byte {
	key := &k.answerers
	if offerer {
		key = &k.offerers
	}
	mac := hmac.New(sha256.New, key[:])
	mac.Write(body)
	return mac.Sum(nil)
}

// parseRestart decodes what its sender has sealed, which makes it no truth. Bytes
// after the known fields of an ask or an acknowledgement are ignored.
func parseRestart(body []byte) (Restart, error) {
	m := Restart{Session: binary.LittleEndian.Uint64(body[1:]), Kind: RestartKind(body[restartHead])}
	r := reader{rest: body[restartHead+1:]}
	m.Generation, m.Seq, m.Ack = r.number(), r.number(), r.number()
	switch m.Kind {
	case RestartAck, RestartAsk:
	case RestartOffer, RestartAnswer:
		m.Fragment, m.Password = r.text(), r.text()
		r.bad = r.bad || !credential(m.Fragment, 4) || !credential(m.Password, 22)
		for !r.bad && len(r.rest) > 0 {
			c := r.text()
			r.bad = r.bad || len(c) > maxRestartCandidate || len(m.Candidates) == MaxRestartCandidates
			m.Candidates = append(m.Candidates, c)
		}
	default:
		r.bad = true
	}
	if r.bad {
		return Restart{}, ErrRestart
	}
	return m, nil
}

// credential reports whether the text may stand in a description: RFC 8839's
// ice-char, and at least so many.
func credential(s string, least int) bool {
	if len(s) < least || len(s) > maxCredential {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '/':
		default:
			return false
		}
	}
	return true
}
