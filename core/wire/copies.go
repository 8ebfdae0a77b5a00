package wire

import "encoding/binary"

// AppendCopy makes a copy of a single or a batch on the reliable channel.
func AppendCopy(dst, packet []byte) []byte {
	start := len(dst)
	dst = append(dst, packet...)
	dst[start] += byte(SingleCopy - SinglePacket)
	return dst
}

// Original says what a packet is a copy of. ok is false if it is none.
func (k PacketKind) Original() (kind PacketKind, ok bool) {
	if k != SingleCopy && k != BatchCopy {
		return k, false
	}
	return k - (SingleCopy - SinglePacket), true
}

// Got says what came of the other side's reliable messages.
type Got struct {
	Missing uint64 // number of the first message that has not come
	Behind  uint64 // how many of those before it only copies have brought so far
	Ahead   []Span // what copies have brought beyond it, in order and apart
}

// Span is a run of messages.
type Span struct {
	First, Count uint64 // the number of its first one, and how many they are
}

// MaxSpans is the most that a Got tells of.
const MaxSpans = 32

// Append appends the packet that says it.
func (g *Got) Append(dst []byte) []byte {
	dst = AppendPacketHead(dst, GotPacket, g.Missing)
	dst = binary.AppendUvarint(dst, g.Behind)
	last := g.Missing
	for _, s := range g.Ahead[:min(len(g.Ahead), MaxSpans)] {
		dst = binary.AppendUvarint(dst, s.First-last)
		dst = binary.AppendUvarint(dst, s.Count)
		last = s.First + s.Count
	}
	return dst
}

// Got decodes the packet's body into g, of which it uses the memory. It refuses
// what tells of messages that do not exist: numbers beyond last.
func (k *Packet) Got(g *Got, last uint64) error {
	g.Missing, g.Ahead = k.Seq, g.Ahead[:0]
	var rest []byte
	var ok bool
	if g.Behind, rest, ok = uvarint(k.Body); !ok || g.Missing > last+1 || g.Behind >= g.Missing {
		return ErrPacket
	}
	for from := g.Missing; len(rest) > 0; {
		var skip, count uint64
		if skip, rest, ok = uvarint(rest); !ok || skip == 0 || skip > last || len(g.Ahead) == MaxSpans {
			return ErrPacket
		}
		if count, rest, ok = uvarint(rest); !ok || count == 0 || count > last {
			return ErrPacket
		}
		s := Span{First: from + skip, Count: count}
		if from = s.First + s.Count; from > last+1 {
			return ErrPacket
		}
		g.Ahead = append(g.Ahead, s)
	}
	return nil
}
