package badnet

import (
	"math/rand/v2"
	"net/netip"
	"time"
)

const (
	heldBack  = 50 * time.Millisecond  // what is to be overtaken
	mostQueue = 500 * time.Millisecond // what a router holds, at its rate
	headers   = 28                     // of IPv4 and UDP
	mostBytes = 8 << 20                // waiting in one direction of one socket; beyond it datagrams are lost
)

// datagram is one that is under way.
type datagram struct {
	data []byte
	addr netip.AddrPort
	due  time.Time
}

// lane is one direction of one socket: who is late there, and the chances. The
// zero value is an empty one.
type lane struct {
	waiting []datagram // from head on, by when they are due
	head    int
	bytes   int

	under *Conditions // that what follows belongs to
	path  Path
	dice  *rand.Rand
	last  time.Time // when the last one in order is due
	free  time.Time // when the wire has sent all it was given
}

// set prepares the lane for conditions that are new to it. stream tells it from
// every other lane.
func (l *lane) set(c *Conditions, p Path, stream uint64) {
	if l.under == c {
		return
	}
	seed := uint64(c.Seed)
	if seed == 0 {
		seed = rand.Uint64()
	}
	l.under, l.path = c, p
	l.dice = rand.New(rand.NewPCG(seed, stream))
	l.last, l.free = time.Time{}, time.Time{}
}

func (l *lane) chance(percent float64) bool { return percent > 0 && l.dice.Float64()*100 < percent }

// take decides what becomes of a datagram, and holds a copy of what will arrive.
func (l *lane) take(now time.Time, data []byte, addr netip.AddrPort) {
	p := &l.path
	// All are drawn, so that one setting does not change another's luck.
	lost, twice, late := l.chance(p.Loss), l.chance(p.Duplication), l.chance(p.Reordering)
	due := now
	if p.Rate > 0 && !lost {
		if l.free.Sub(now) > mostQueue {
			return
		}
		bits := 8 * (len(data) + headers)
		due = later(now, l.free).Add(time.Duration(bits) * time.Millisecond / time.Duration(p.Rate))
		l.free = due
	}
	due = due.Add(p.Latency)
	if p.Jitter > 0 {
		due = due.Add(time.Duration(l.dice.Int64N(int64(p.Jitter) + 1)))
	}
	switch {
	case lost:
		return
	case late:
		due = due.Add(heldBack)
	default:
		due = later(due, l.last)
		l.last = due
	}
	l.push(datagram{append([]byte(nil), data...), addr, due})
	if twice {
		l.push(datagram{append([]byte(nil), data...), addr, due})
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// push adds one in its place, behind those that are due at the same time.
func (l *lane) push(d datagram) {
	if l.bytes+len(d.data) > mostBytes {
		return
	}
	l.bytes += len(d.data)
	if l.head > 0 && len(l.waiting) == cap(l.waiting) {
		n := copy(l.waiting, l.waiting[l.head:])
		clear(l.waiting[n:])
		l.waiting, l.head = l.waiting[:n], 0
	}
	l.waiting = append(l.waiting, d)
	for i := len(l.waiting) - 1; i > l.head && l.waiting[i-1].due.After(d.due); i-- {
		l.waiting[i-1], l.waiting[i] = l.waiting[i], l.waiting[i-1]
	}
}

// next says when the next one is due.
func (l *lane) next() (due time.Time, ok bool) {
	if l.head == len(l.waiting) {
		return time.Time{}, false
	}
	return l.waiting[l.head].due, true
}

// pop removes it.
func (l *lane) pop() datagram {
	d := l.waiting[l.head]
	l.waiting[l.head] = datagram{}
	l.head++
	l.bytes -= len(d.data)
	if l.head == len(l.waiting) {
		l.waiting, l.head = l.waiting[:0], 0
	}
	return d
}
