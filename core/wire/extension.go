package wire

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
	"unicode/utf8"
)

// Versions that a VersionFrame names.
const (
	OriginalVersion = 2
	// ExtendedVersion: ExtensionFrames may be sent. A server answers it with
	// itself; the original's answers OriginalVersion.
	ExtendedVersion = 3
)

// ExtensionKind says what an extension frame is about.
type ExtensionKind uint8

// The kinds of extension frames. Others are ignored: later ones may come.
const (
	ExtResume  ExtensionKind = 1 // to the server: the name that we listen on next is ours
	ExtName    ExtensionKind = 2 // to the listener: how to resume the name that it is about to get
	ExtServers ExtensionKind = 3 // to the client: ICE servers, in place of those before
	ExtRefusal ExtensionKind = 4 // to the client: why the refusal that follows
)

// RefusalCode says why a listen or connect is refused.
type RefusalCode uint16

// Why a listen or connect is refused. Others are to be taken as a refusal that
// only its text explains.
const (
	RefusedTaken   RefusalCode = 1 // somebody listens there
	RefusedHeld    RefusalCode = 2 // the name is kept for a host that lost its socket
	RefusedHosting RefusalCode = 3 // the token does not allow to host there
	RefusedJoining RefusalCode = 4 // the token does not allow to join there
	RefusedLimit   RefusalCode = 5 // the server takes no more of that
)

// Secret lets a host resume its name. It is drawn by the server.
type Secret [16]byte

// ICEServer is a STUN or TURN server as the signaling server hands it out.
type ICEServer struct {
	URLs                 []string
	Username, Credential string
	Lifetime             time.Duration // of the credential, whole seconds; 0: no end
}

// Bounds of what an extension frame holds. What is beyond is not sent, and
// refused by who reads it.
const (
	MaxExtension     = 8 << 10 // bytes of a frame's data
	MaxICEServers    = 16
	MaxICEURLs       = 16  // of one server
	MaxICEText       = 512 // bytes of a URL, a username or a credential
	MaxRefusalText   = 256 // bytes
	maxICEServerSize = MaxExtension - 64
)

// Extension is the data of an extension frame. Which fields count depends on
// the kind.
type Extension struct {
	Kind ExtensionKind

	Address Address // ExtResume, ExtName
	Secret  Secret  // ExtResume, ExtName

	// Received is how many frames about links (types 1, 2, 6 and 8) came over
	// the lost socket: to the client in ExtResume, from it in ExtName.
	Received uint32
	Resumed  bool          // ExtName: links were carried over, and Received counts
	Grace    time.Duration // ExtName: how long the name is kept; whole milliseconds

	Servers []ICEServer // ExtServers

	Code RefusalCode // ExtRefusal
	Text string      // ExtRefusal, for a log
}

// ErrExtension is returned for what is no extension frame's data.
var ErrExtension = errors.New("wire: malformed extension frame")

// The fields of an extension frame: tag u8, length u16, value.
const (
	tagAddress  = 1 // UTF-16LE
	tagSecret   = 2 // 16 bytes
	tagReceived = 3 // u32
	tagGrace    = 4 // u32, ms
	tagServer   = 5 // may come more than once
	tagCode     = 6 // u16
	tagText     = 7 // UTF-8
)

// ParseExtension decodes the data of an extension frame. Unknown kinds and
// fields are no error, and neither is a number longer than we know it.
func ParseExtension(p []byte) (Extension, error) {
	if len(p) == 0 || len(p) > MaxExtension {
		return Extension{}, ErrExtension
	}
	e := Extension{Kind: ExtensionKind(p[0])}
	for p = p[1:]; len(p) > 0; {
		if len(p) < 3 {
			return Extension{}, ErrExtension
		}
		tag, value, ok := p[0], []byte(nil), false
		if value, p, ok = cutField(p[1:]); !ok || !e.field(tag, value) {
			return Extension{}, ErrExtension
		}
	}
	return e, nil
}

// cutField takes a u16 length and so many bytes off p.
func cutField(p []byte) (value, rest []byte, ok bool) {
	if len(p) < 2 {
		return nil, nil, false
	}
	n := int(binary.LittleEndian.Uint16(p))
	if p = p[2:]; n > len(p) {
		return nil, nil, false
	}
	return p[:n], p[n:], true
}

func (e *Extension) field(tag byte, value []byte) bool {
	switch tag {
	case tagAddress:
		e.Address = Address(value)
		return len(value)%2 == 0 && e.Address.Units() <= MaxAddressUnits
	case tagSecret:
		return len(value) >= len(e.Secret) && copy(e.Secret[:], value) > 0
	case tagReceived:
		e.Resumed = true
		return readUint32(value, &e.Received)
	case tagGrace:
		var ms uint32
		ok := readUint32(value, &ms)
		e.Grace = time.Duration(ms) * time.Millisecond
		return ok
	case tagServer:
		s, ok := parseICEServer(value)
		e.Servers = append(e.Servers, s)
		return ok && len(e.Servers) <= MaxICEServers
	case tagCode:
		if len(value) < 2 {
			return false
		}
		e.Code = RefusalCode(binary.LittleEndian.Uint16(value))
	case tagText:
		e.Text = string(value)
		return len(value) <= MaxRefusalText && utf8.Valid(value)
	}
	return true
}

func readUint32(p []byte, n *uint32) bool {
	if len(p) < 4 {
		return false
	}
	*n = binary.LittleEndian.Uint32(p)
	return true
}

// parseICEServer reads a lifetime in seconds (u32), then texts: username,
// credential, URLs.
func parseICEServer(p []byte) (s ICEServer, ok bool) {
	var seconds uint32
	if !readUint32(p, &seconds) {
		return s, false
	}
	s.Lifetime = time.Duration(seconds) * time.Second
	var texts []string
	for p = p[4:]; len(p) > 0; {
		var text []byte
		if text, p, ok = cutField(p); !ok || len(text) > MaxICEText || !utf8.Valid(text) {
			return s, false
		}
		texts = append(texts, string(text))
	}
	if len(texts) < 3 || len(texts) > 2+MaxICEURLs {
		return s, false
	}
	s.Username, s.Credential, s.URLs = texts[0], texts[1], texts[2:]
	return s, true
}

// Frame returns the extension as a frame. The id is that of the link that a
// refusal is about, else -1.
func (e Extension) Frame(id int16) Frame {
	return Frame{Type: ExtensionFrame, DataType: Bytes, ID: id, Data: e.Append(nil)}
}

// Append appends the encoding of e. ICE servers that break a bound are left out.
func (e Extension) Append(dst []byte) []byte {
	begin := len(dst)
	dst = append(dst, byte(e.Kind))
	switch e.Kind {
	case ExtResume, ExtName:
		dst = appendField(dst, tagAddress, []byte(e.Address))
		dst = appendField(dst, tagSecret, e.Secret[:])
		if e.Resumed || e.Kind == ExtResume {
			dst = appendUint32(dst, tagReceived, e.Received)
		}
		if e.Kind == ExtName {
			dst = appendUint32(dst, tagGrace, whole(e.Grace, time.Millisecond))
		}
	case ExtServers:
		count := 0
		for _, s := range e.Servers {
			p, ok := appendICEServer(nil, s)
			if ok && count < MaxICEServers && len(dst)-begin+3+len(p) <= MaxExtension {
				dst = appendField(dst, tagServer, p)
				count++
			}
		}
	case ExtRefusal:
		dst = appendField(dst, tagCode, binary.LittleEndian.AppendUint16(nil, uint16(e.Code)))
		dst = appendField(dst, tagText, []byte(e.Text[:min(len(e.Text), MaxRefusalText)]))
	}
	return dst
}

func appendField(dst []byte, tag byte, value []byte) []byte {
	dst = append(dst, tag)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(value)))
	return append(dst, value...)
}

func appendUint32(dst []byte, tag byte, n uint32) []byte {
	return appendField(dst, tag, binary.LittleEndian.AppendUint32(nil, n))
}

// whole counts whole units, within a u32.
func whole(d, unit time.Duration) uint32 {
	return uint32(min(max(d/unit, 0), math.MaxUint32))
}

func appendICEServer(dst []byte, s ICEServer) (out []byte, ok bool) {
	if len(s.URLs) == 0 || len(s.URLs) > MaxICEURLs {
		return dst, false
	}
	dst = binary.LittleEndian.AppendUint32(dst, whole(s.Lifetime, time.Second))
	for _, text := range append([]string{s.Username, s.Credential}, s.URLs...) {
		if len(text) > MaxICEText || !utf8.ValidString(text) {
			return dst, false
		}
		dst = binary.LittleEndian.AppendUint16(dst, uint16(len(text)))
		dst = append(dst, text...)
	}
	return dst, len(dst) <= maxICEServerSize
}
