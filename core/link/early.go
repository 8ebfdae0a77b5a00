package link

import (
	"cmp"
	"slices"

	"unityp2p/core/wire"
)

// mostEarly bounds the copies that wait for what comes before them, each with
// earlyCost besides its bytes. Those that are needed last are given up.
const (
	mostEarly = 64 << 10
	earlyCost = 64
)

// early are copies of reliable packets that came before their turn. The zero value
// has none.
type early struct {
	packets []earlyPacket // in order
	cost    int
}

type earlyPacket struct {
	packet wire.Packet
	end    uint64 // number of the first message after it
}

// add keeps a copy of a packet of so many messages.
func (e *early) add(k *wire.Packet, count uint64) {
	at, found := slices.BinarySearchFunc(e.packets, k.Seq, func(p earlyPacket, seq uint64) int {
		return cmp.Compare(p.packet.Seq, seq)
	})
	c := earlyCost + len(k.Body)
	if found || at == len(e.packets) && e.cost+c > mostEarly {
		return
	}
	p := earlyPacket{packet: *k, end: k.Seq + count}
	p.packet.Body = slices.Clone(k.Body)
	e.packets = slices.Insert(e.packets, at, p)
	e.cost += c
	for e.cost > mostEarly {
		e.drop(len(e.packets) - 1)
	}
}

// next takes out the packet that begins no later than after message number seq and
// goes beyond it, nil if there is none.
func (e *early) next(seq uint64) *wire.Packet {
	for len(e.packets) > 0 && e.packets[0].packet.Seq <= seq+1 {
		p := e.packets[0]
		e.drop(0)
		if p.end > seq+1 {
			return &p.packet
		}
	}
	return nil
}

func (e *early) drop(i int) {
	e.cost -= earlyCost + len(e.packets[i].packet.Body)
	e.packets = slices.Delete(e.packets, i, i+1)
}

// spans appends which messages they are.
func (e *early) spans(dst []wire.Span) []wire.Span {
	for _, p := range e.packets {
		if last := len(dst) - 1; last >= 0 && p.packet.Seq <= dst[last].First+dst[last].Count {
			dst[last].Count = max(dst[last].Count, p.end-dst[last].First)
			continue
		}
		if len(dst) == wire.MaxSpans {
			break
		}
		dst = append(dst, wire.Span{First: p.packet.Seq, Count: p.end - p.packet.Seq})
	}
	return dst
}
