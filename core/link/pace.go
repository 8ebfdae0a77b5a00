package link

import "time"

// pace bounds what SCTP may hold of the reliable channel. SCTP by itself sends more
// and more until something is lost, so that on a slow uplink everybody's packets wait
// in the router's queue for as long as that is. So it gets what the way takes in the
// time of a round trip when nothing is queued, and a little more: if that is
// acknowledged sooner, it gets more. The zero value has measured nothing.
type pace struct {
	handed  uint64        // bytes, ever
	acked   uint64        // of them, when this look began
	began   time.Duration // then
	waited  bool          // there was more to send meanwhile
	best    extreme
	rate    int64 // bytes a second that are acknowledged, at best; 0: unknown
	trip    time.Duration
	peak    int64         // the best for such a trip, about
	flat    int           // looks since it grew
	emptied time.Duration // when the way was last empty
}

// Bounds of a pace.
const (
	startRoom   = 32 << 10 // before anything is known
	datagram    = 1156     // bytes in one of SCTP's packets, as pion cuts them
	mostHead    = 32       // of a fragment
	leastRoom   = 8 << 10
	nearlyEmpty = leastRoom / 2         // what SCTP has lost it keeps for long
	lookFor     = 20 * time.Millisecond // at least, and a round trip
	mostLooks   = 8                     // and this much longer at most
	flatAfter   = 4                     // looks without growth: this is what the way takes
	bestFor     = time.Second           // to 2 s: after that a slower way is believed

	// What is queued on the way makes round trips longer, and after a while seems to
	// be its length. So it is left to become empty this often, and this much sooner if
	// it does seem longer.
	emptyEvery = 10 * time.Second
	emptySoon  = 2 * time.Second
)

// queued is how much longer the reliable channel may make a trip.
func queued(trip time.Duration) time.Duration { return max(100*time.Millisecond, trip/4) }

// room returns how much SCTP may hold. Trip is a round trip when nothing is queued,
// 0 if that is unknown.
func (p *pace) room(trip time.Duration) uint64 {
	if trip == 0 || p.rate == 0 {
		return startRoom
	}
	more := queued(trip)
	if p.flat < flatAfter {
		more = max(more, trip) // twice as much every trip
	}
	return uint64(min(max(float64(p.rate)*(trip+more).Seconds(), leastRoom), highWater))
}

// look measures how fast what was handed over is acknowledged.
func (p *pace) look(held uint64, now, trip time.Duration) {
	if trip > p.trip+p.trip/4 || trip < p.trip-p.trip/4 {
		p.trip, p.flat, p.peak = trip, 0, 0 // another way
	}
	took, least := now-p.began, max(lookFor, trip)
	if p.flat >= flatAfter {
		least *= 3 // what arrives comes in bursts
	}
	if took < least {
		return
	}
	acked := p.handed - min(held, p.handed)
	rate := int64(float64(acked-min(p.acked, acked)) / took.Seconds())
	// Who had nothing more to send, or slept, has not shown what the way takes.
	if p.waited && took < mostLooks*least || rate > p.rate {
		if p.flat++; rate > p.peak+p.peak/4 {
			p.flat, p.peak = 0, rate
		}
		p.rate = p.best.add(rate, now, max(bestFor, 8*trip))
	}
	p.acked, p.began, p.waited = acked, now, false
}

// mustEmpty reports whether the way is to become empty. Lately is what a trip took
// lately.
func (p *pace) mustEmpty(now, trip, lately time.Duration) bool {
	if p.rate == 0 || p.room(trip) == highWater {
		return false
	}
	since := now - p.emptied
	return since > emptyEvery || since > emptySoon && lately > trip+2*queued(trip)
}

// piece is how much of a message goes at once: little, where that takes long, in
// whole datagrams.
func piece(room uint64) int {
	if room == highWater {
		return fragmentSize
	}
	return min(max(int(room)/4/datagram, 2)*datagram, fragmentSize) - mostHead
}
