package link

import "time"

// paced reports whether SCTP may have more of the reliable channel, of which it has
// so much.
func (w *writer) paced(held uint64) bool {
	l, p, most := w.link, &w.pace, w.mostReliable()
	if l.via != nil {
		w.most = fragmentSize
		return held < most // the host's part of the way is paced by who is there
	}
	now := time.Since(l.started)
	trip, _ := l.trips.unloaded()
	lately, _ := l.trips.shortest()
	p.look(held, now, trip)
	room := min(p.room(trip), most)
	w.most = piece(room)
	low := room / 2
	if room < most {
		low = room - uint64(w.most) // or the way would run dry
	}
	if p.mustEmpty(now, trip, lately) {
		if held <= nearlyEmpty {
			p.emptied = now
			l.trips.asked.Store(int64(now))
			l.ping(now) // it goes first
			return false
		}
		room, low = 0, nearlyEmpty
	}
	if held+uint64(w.most) <= room || w.sparse(held) {
		return true
	}
	p.waited = true
	stream := l.channels[reliable].stream
	stream.SetBufferedAmountLowThreshold(low)
	if stream.BufferedAmount() <= low { // since before there was this threshold
		l.out.signal()
	}
	return false
}

// sparse reports whether so little is sent that it fills no way, or goes another one.
func (w *writer) sparse(held uint64) bool {
	return held < startRoom && (w.link.copier.isStuck() || w.link.out.waiting() < leastRoom)
}
