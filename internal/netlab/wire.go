//go:build linux

package netlab

import (
	"container/heap"
	"math/rand/v2"
	"sync"
	"time"
)

// Conditions are what a wire does to each packet in one direction. The zero
// value passes everything at once.
type Conditions struct {
	Delay     time.Duration
	Jitter    time.Duration // up to so much more delay; the order is kept
	Loss      float64       // share of packets that vanish, 0 to 1
	Duplicate float64       // share that arrives twice
	Reorder   float64       // share that is held back by HoldBack, so that others overtake
	HoldBack  time.Duration // 0: 10 ms
	Rate      int           // bits a second; 0: no limit
	Queue     int           // bytes that wait for Rate, the rest is dropped; 0: 64 KiB
	Dark      bool          // nothing passes, and nobody is told
}

// Counters say what happened to the packets of one direction of a wire.
type Counters struct {
	Packets, Bytes uint64 // let through; doubled ones count twice
	Lost           uint64 // dropped by Loss
	Overflowed     uint64 // dropped by a full Queue
	Dark           uint64 // dropped by Dark, or arrived at an interface that was down
	Unroutable     uint64 // for an address that nobody has
	UDP, TCP       uint64 // packets let through of each kind
}

// lane is one direction of a wire.
type lane struct {
	deliver func(packet []byte) bool // false: nobody took it
	wake    chan struct{}

	mu       sync.Mutex
	random   *rand.Rand
	now      Conditions
	counters Counters
	free     time.Time // when all that was accepted will have left, at Rate
	last     time.Time // when the latest packet that keeps the order is due
	waiting  queue
	sequence uint64
	busy     bool // run is delivering
}

func newLane(random *rand.Rand, deliver func([]byte) bool) *lane {
	return &lane{deliver: deliver, wake: make(chan struct{}, 1), random: random}
}

func (l *lane) set(c Conditions) {
	l.mu.Lock()
	l.now = c
	l.mu.Unlock()
}

func (l *lane) conditions() Conditions {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

func (l *lane) count() Counters {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counters
}

// take brings one packet onto the wire, which keeps it.
func (l *lane) take(packet []byte) {
	l.mu.Lock()
	c := l.now
	copies := 1
	switch {
	case c.Dark:
		l.counters.Dark++
		copies = 0
	case l.chance(c.Loss):
		l.counters.Lost++
		copies = 0
	case l.chance(c.Duplicate):
		copies = 2
	}
	if copies == 1 && c.immediate() && len(l.waiting) == 0 && !l.busy {
		l.mu.Unlock()
		l.pass(packet)
		return
	}
	for range copies {
		l.queue(c, packet)
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (c *Conditions) immediate() bool {
	return c.Delay == 0 && c.Jitter == 0 && c.Rate == 0 && c.Reorder == 0
}

// chance draws only if there is something to draw, so that the same seed gives
// the same losses whatever else is on.
func (l *lane) chance(share float64) bool { return share > 0 && l.random.Float64() < share }

func (l *lane) queue(c Conditions, packet []byte) {
	due := time.Now()
	if c.Rate > 0 {
		room := c.Queue
		if room == 0 {
			room = 64 << 10
		}
		if l.free.Before(due) {
			l.free = due
		}
		if backlog := l.free.Sub(due).Seconds() * float64(c.Rate) / 8; backlog+float64(len(packet)) > float64(room) {
			l.counters.Overflowed++
			return
		}
		l.free = l.free.Add(time.Duration(float64(len(packet)) * 8 / float64(c.Rate) * float64(time.Second)))
		due = l.free
	}
	due = due.Add(c.Delay)
	if c.Jitter > 0 {
		due = due.Add(time.Duration(l.random.Int64N(int64(c.Jitter))))
	}
	if l.chance(c.Reorder) {
		hold := c.HoldBack
		if hold == 0 {
			hold = 10 * time.Millisecond
		}
		due = due.Add(hold)
	} else {
		if due.Before(l.last) {
			due = l.last
		}
		l.last = due
	}
	l.sequence++
	heap.Push(&l.waiting, waiter{due: due, sequence: l.sequence, packet: packet})
}

// run delivers what is due, until stop.
func (l *lane) run(stop <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait := time.Hour
		for {
			l.mu.Lock()
			l.busy = false
			if len(l.waiting) == 0 {
				l.mu.Unlock()
				break
			}
			if until := time.Until(l.waiting[0].due); until > 0 {
				wait = until
				l.mu.Unlock()
				break
			}
			packet := heap.Pop(&l.waiting).(waiter).packet
			l.busy = true
			l.mu.Unlock()
			l.pass(packet)
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-l.wake:
		case <-stop:
			return
		}
	}
}

func (l *lane) pass(packet []byte) {
	took := l.deliver(packet)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !took {
		l.counters.Unroutable++
		return
	}
	l.counters.Packets++
	l.counters.Bytes += uint64(len(packet))
	switch protocol(packet) {
	case protocolUDP:
		l.counters.UDP++
	case protocolTCP:
		l.counters.TCP++
	}
}

// waiter is a packet and when it is to arrive.
type waiter struct {
	due      time.Time
	sequence uint64
	packet   []byte
}

type queue []waiter

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if q[i].due.Equal(q[j].due) {
		return q[i].sequence < q[j].sequence
	}
	return q[i].due.Before(q[j].due)
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(waiter)) }
func (q *queue) Pop() any {
	old := *q
	last := len(old) - 1
	w := old[last]
	old[last] = waiter{}
	*q = old[:last]
	return w
}
