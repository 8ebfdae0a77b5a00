package link

import "time"

// fair sends one packet of a channel: ours or, where the link carries others, by
// turns.
func (w *writer) fair(kind int) (sent int, more, ok bool) {
	if w.link.carriage == nil {
		return w.one(kind)
	}
	if w.mine[kind] <= 0 {
		if more, ok = w.carry(kind); more || !ok {
			return 0, more, ok
		}
		w.mine[kind] = turnSize // all others had theirs
	}
	if sent, more, ok = w.one(kind); more || !ok {
		w.mine[kind] -= w.wrote
		return sent, more, ok
	}
	w.mine[kind] = 0
	more, ok = w.carry(kind)
	return 0, more, ok
}

// carry sends one packet of somebody else's, if it is their turn and there is one.
func (w *writer) carry(kind int) (more, ok bool) {
	c := w.link.carriage
	if c == nil || c.waiting[kind].Load() == 0 {
		return false, true
	}
	packet, told := c.next(kind, w.buf[:0])
	if packet == nil {
		return false, true
	}
	w.buf = packet[:0]
	w.carried = time.Since(w.link.started)
	switch kind {
	case reliable:
		w.pace.handed += uint64(len(packet))
	case unreliable:
		w.ages.add(len(packet), w.carried)
	}
	if _, err := w.link.channels[kind].stream.Write(packet); err != nil {
		return false, false
	}
	if told != nil {
		told()
	}
	return true, true
}

// What is on its way in SCTP is sent in order. While a link carries others, less is,
// so that what one of them sends waits less for what others sent before.
const (
	highCarrying = 256 << 10
	carryingFor  = 2 * time.Second // after the last packet
)

// mostReliable is how much SCTP may hold of the reliable channel.
func (w *writer) mostReliable() uint64 {
	high := uint64(highWater)
	if w.carried > 0 && time.Since(w.link.started)-w.carried < carryingFor {
		high = highCarrying
	}
	if high != w.high {
		w.high = high
		w.link.channels[reliable].stream.SetBufferedAmountLowThreshold(high / 2)
	}
	return high
}
