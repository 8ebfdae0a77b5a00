package wire

import (
	"encoding/binary"
	"errors"
)

// Version is the version of the protocol between our own peers.
const Version = 1

// MessageCost is what every message counts, besides its bytes, against buffers
// and credit, so that empty messages are not free.
const MessageCost = 32

// The largest messages between our own peers. Each side says in its hello what
// it takes, up to these.
const (
	MaxReliableMessage   = 16 << 20
	MaxUnreliableMessage = 256 << 10
)

// MaxFragment is the most payload that one fragment may carry, MinFragment the
// least, other than of a message's last one: so that nobody takes a message
// apart into a quarter of a million pieces.
const (
	MaxFragment = 64 << 10
	MinFragment = 1 << 10
)

// MaxBatch is the most messages that one packet may carry. Empty ones take a
// byte each, and far more than that at the receiver.
const MaxBatch = 2048

// MaxPacket is the largest packet on a data channel between our own peers.
const MaxPacket = MaxFragment + 64

// PacketKind says what a data packet carries.
type PacketKind uint8

// The kinds of packets on the channels "reliable" and "unreliable".
const (
	SinglePacket   PacketKind = 1 // one message, to the end of the packet
	BatchPacket    PacketKind = 2 // several messages, each after its length
	FragmentPacket PacketKind = 3 // a part of one message

	// On "unreliable" only, and not to those without CapabilityCopies.
	SingleCopy PacketKind = 4 // what a single packet on "reliable" is, once more
	BatchCopy  PacketKind = 5 // and a batch
	GotPacket  PacketKind = 6 // see Got
)

const (
	kindMask   = 0x07
	memberFlag = 0x08
)

// Packet is a decoded data packet.
type Packet struct {
	Kind   PacketKind
	Member uint64 // if not 0: relayed, from (or, towards the host, to) that member
	Route  uint64 // with Member: which connection of that pair
	Seq    uint64 // number of the first message in it, from 1, by channel and connection
	Total  uint64 // fragment: length of the whole message
	Offset uint64 // fragment: where in the message it begins
	Body   []byte // single: the message; batch: see NextMessage; fragment: its bytes; got: see Got
}

// What decoders of peer packets and control messages return.
var (
	ErrPacketVersion = errors.New("wire: packet of an unknown version")
	ErrPacket        = errors.New("wire: malformed packet")
)

// ParsePacket decodes one data packet. Body aliases p.
func ParsePacket(p []byte) (Packet, error) {
	if len(p) < 2 || len(p) > MaxPacket {
		return Packet{}, ErrPacket
	}
	if p[0]>>4 != Version {
		return Packet{}, ErrPacketVersion
	}
	k := Packet{Kind: PacketKind(p[0] & kindMask)}
	rest, ok := p[1:], true
	if p[0]&memberFlag != 0 {
		if k.Member, k.Route, rest, ok = cutRelayed(rest); !ok {
			return Packet{}, ErrPacket
		}
	}
	if k.Seq, rest, ok = uvarint(rest); !ok || k.Seq == 0 {
		return Packet{}, ErrPacket
	}
	switch k.Kind {
	case SinglePacket, BatchPacket, SingleCopy, BatchCopy, GotPacket:
	case FragmentPacket:
		if k.Total, rest, ok = uvarint(rest); !ok {
			return Packet{}, ErrPacket
		}
		if k.Offset, rest, ok = uvarint(rest); !ok {
			return Packet{}, ErrPacket
		}
		n := uint64(len(rest))
		if n == 0 || n > MaxFragment || k.Offset >= k.Total || n > k.Total-k.Offset {
			return Packet{}, ErrPacket
		}
		if last := n == k.Total-k.Offset; n < MinFragment && !last {
			return Packet{}, ErrPacket
		}
	default:
		return Packet{}, ErrPacket
	}
	k.Body = rest
	return k, nil
}

// NextMessage takes the first message off the body of a batch.
func NextMessage(body []byte) (message, rest []byte, err error) {
	n, rest, ok := uvarint(body)
	if !ok || n > uint64(len(rest)) {
		return nil, nil, ErrPacket
	}
	return rest[:n], rest[n:], nil
}

// AppendPacketHead begins a single or a batch packet whose first message has
// the number seq.
func AppendPacketHead(dst []byte, kind PacketKind, seq uint64) []byte {
	dst = append(dst, Version<<4|byte(kind))
	return binary.AppendUvarint(dst, seq)
}

// AppendMessage adds a message to a batch packet.
func AppendMessage(dst, message []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(message)))
	return append(dst, message...)
}

// AppendFragment appends a whole fragment packet: the bytes of message number
// seq, which is total bytes long, from offset on.
func AppendFragment(dst []byte, seq, total, offset uint64, body []byte) []byte {
	dst = AppendPacketHead(dst, FragmentPacket, seq)
	dst = binary.AppendUvarint(dst, total)
	dst = binary.AppendUvarint(dst, offset)
	return append(dst, body...)
}

// uvarint takes a LEB128 number (at most 10 bytes, as encoding/binary) off p.
func uvarint(p []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(p)
	if n <= 0 {
		return 0, nil, false
	}
	return v, p[n:], true
}
