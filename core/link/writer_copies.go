package link

import (
	"time"

	"unityp2p/core/wire"
)

// gotEvery is how often the other side is told what came, at most. It rides along
// with what a game sends in a few frames.
const gotEvery = 40 * time.Millisecond

// owe notes that the other side is to be told what came.
func (l *Link) owe() {
	if l.copies && !l.owed.Load() && l.owed.CompareAndSwap(false, true) {
		l.out.signal()
	}
}

// hear takes what the other side got.
func (l *Link) hear(k *wire.Packet) bool {
	var g wire.Got
	if k.Got(&g, l.out.sent()) != nil {
		return false
	}
	if l.copier.heard(&g) {
		l.out.signal()
	}
	return true
}

// copyWait is how long the other side may take to say that it got a packet: two
// round trips, so that SCTP's own second try may be first, its pause, and a little.
func (l *Link) copyWait() time.Duration {
	if trip, ok := l.trips.shortest(); ok {
		// Where much is lost all pings may be late.
		empty, _ := l.trips.unloaded()
		return 2*min(trip, empty+longer) + gotEvery + copyPatience
	}
	return unknownTrip
}

// copyPatience is for what delays a packet besides its way.
const copyPatience = 40 * time.Millisecond

// sayGot says what came, if it is time for that.
func (w *writer) sayGot() bool {
	l := w.link
	if !l.owed.Load() {
		return true
	}
	now := time.Since(l.started)
	if now < w.saying {
		return true
	}
	w.saying = now + gotEvery
	if w.holdsBack(now) {
		return true
	}
	l.owed.Store(false)
	l.incoming.got(&w.got)
	w.buf = w.got.Append(w.buf[:0])
	return w.aside(w.buf, now)
}

// copies sends the copies that are due, and hands over what was withheld for longer
// than there is a reason.
func (w *writer) copies() bool {
	l := w.link
	if !l.copies {
		return true
	}
	if !l.copier.isStuck() && !w.handOver() {
		return false
	}
	due := l.copier.due()
	if due == 0 {
		return true
	}
	now := time.Since(l.started)
	if now < due {
		return true
	}
	if l.via == nil && l.channels[reliable].stream.BufferedAmount() == 0 {
		l.copier.arrived()
		return w.handOver()
	}
	for {
		if w.holdsBack(now) {
			l.copier.postpone(now + gotEvery)
			return true
		}
		w.buf = l.copier.copy(w.buf[:0], l.out.sent(), now, l.copyWait())
		if len(w.buf) == 0 {
			return true
		}
		if !w.aside(w.buf, now) {
			return false
		}
	}
}

// insured sends a packet of the reliable channel, of which a copy may follow, or
// only a copy.
func (w *writer) insured(packet []byte) bool {
	l := w.link
	now := time.Since(l.started)
	if l.copier.withhold(packet, l.out.sent(), now, w.copying) {
		return true
	}
	if !w.handOver() {
		return false
	}
	if !w.give(packet) {
		return false
	}
	if w.copying {
		l.copier.keep(packet, now, l.copyWait())
	}
	return true
}

// handOver gives the reliable channel what was withheld from it.
func (w *writer) handOver() bool {
	for {
		w.spare = w.link.copier.hand(w.spare[:0])
		if len(w.spare) == 0 {
			return true
		}
		if !w.give(w.spare) {
			return false
		}
	}
}

// aside sends a packet on the unreliable channel that is no message of the game's.
func (w *writer) aside(packet []byte, now time.Duration) bool {
	w.aged(len(packet), now)
	_, err := w.link.channels[unreliable].stream.Write(packet)
	return err == nil
}

// setTimer has the writer woken when it is to say something or to copy something.
func (w *writer) setTimer() {
	next := w.link.copier.due()
	if w.link.owed.Load() && (next == 0 || w.saying < next) {
		next = w.saying
	}
	if next == 0 || w.timed != 0 && w.timed <= next {
		return
	}
	w.timed = next
	w.timer.Reset(max(next-time.Since(w.link.started), 0))
}
