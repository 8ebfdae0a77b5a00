package link

import (
	"sync"
	"time"

	"unityp2p/core/wire"
)

// What is lost on the reliable channel SCTP sends again after a round trip and a
// half. If that is lost too it takes a second until the next time, or several, and
// what follows waits with it. So what is not known to have come in time is sent once
// more, as a copy, on the unreliable channel, and the other side takes what comes
// first. While the channel is stuck so, small packets are withheld from it, and only
// copies are sent. What of those does not come goes to the channel in the end.

// Bounds of copies.
const (
	mostCopied = batchSize + 16 // of a packet; larger ones would not fit into one datagram
	mostKept   = 64 << 10       // of packets that the other side has not said to have got,
	keptCost   = 64             // each with this besides its bytes
	mostUnsaid = 32 << 10       // that SCTP may have; who sends more at once waits for no single message
	copyShare  = 3              // bytes of copies for one byte of packets, at most,
	copyBurst  = 16 << 10       // and at once
)

// copier has the last small packets that were sent on the reliable channel, and
// knows when to send a copy of which. The zero value has none.
type copier struct {
	mu        sync.Mutex
	kept      []keptPacket // oldest first, from head on
	head      int
	data      []byte // theirs
	cost      int
	allowance int           // bytes of copies that may be sent
	next      time.Duration // no copy is due before; 0: none is
	stuck     bool          // what was handed to the channel holds up what follows
	handed    uint64        // the last message of that
	withheld  int           // bytes of packets that were not
	copied    uint64        // how many copies were sent
	latest    uint64        // the last of those that are known to have come
}

type keptPacket struct {
	seq      uint64 // of its first message
	from, to int    // where its bytes are
	due      time.Duration
	copies   int    // that were sent
	number   uint64 // of the last of them
	came     bool   // the other side has one of them
	withheld bool   // from the channel
}

// keep notes that a packet was handed to the channel. A copy of it is due after the
// wait.
func (c *copier) keep(packet []byte, now, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stuck {
		wait = 0 // it would wait with the others
	}
	c.add(packet, now+wait)
}

// withhold takes a packet, up to message number last, in place of the channel, if it
// is worth copying. It reports false if the channel must have it.
func (c *copier) withhold(packet []byte, last uint64, now time.Duration, worth bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stuck {
		return false
	}
	if !worth || !c.add(packet, now) {
		c.handed = last
		return false
	}
	c.kept[len(c.kept)-1].withheld = true
	c.withheld += len(packet)
	return true
}

// add reports false if there is no room for the packet, or it cannot be copied.
func (c *copier) add(packet []byte, due time.Duration) bool {
	k, err := wire.ParsePacket(packet)
	if err != nil || k.Kind == wire.FragmentPacket || len(packet) > mostCopied || c.cost+keptCost+len(packet) > mostKept {
		return false
	}
	c.cost += keptCost + len(packet)
	c.allowance = min(c.allowance+copyShare*len(packet), copyBurst)
	c.makeRoom(len(packet))
	c.kept = append(c.kept, keptPacket{seq: k.Seq, from: len(c.data), to: len(c.data) + len(packet), due: due})
	c.data = append(c.data, packet...)
	if c.next == 0 || due < c.next {
		c.next = due
	}
	return true
}

// hand appends the next withheld packet that the channel must have after all to dst.
// If there is none, the next packet may be handed to it.
func (c *copier) hand(dst []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := c.head; i < len(c.kept) && c.withheld > 0; i++ {
		if k := &c.kept[i]; k.withheld {
			c.release(k)
			c.handed = max(c.handed, k.seq)
			return append(dst, c.data[k.from:k.to]...)
		}
	}
	return dst
}

func (c *copier) release(k *keptPacket) {
	if k.withheld {
		k.withheld = false
		c.withheld -= k.to - k.from
	}
}

// makeRoom moves what is kept to the front, if that saves memory.
func (c *copier) makeRoom(bytes int) {
	if c.head == 0 || len(c.kept) < cap(c.kept) && len(c.data)+bytes <= cap(c.data) {
		return
	}
	from := c.kept[c.head].from
	c.data = c.data[:copy(c.data, c.data[from:])]
	c.kept = c.kept[:copy(c.kept, c.kept[c.head:])]
	c.head = 0
	for i := range c.kept {
		c.kept[i].from -= from
		c.kept[i].to -= from
	}
}

// heard notes what the other side got. It reports whether something was withheld that
// the channel must have.
func (c *copier) heard(g *wire.Got) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.head < len(c.kept) && c.kept[c.head].seq < g.Missing {
		k := &c.kept[c.head]
		c.release(k)
		c.cost -= keptCost + k.to - k.from
		c.head++
	}
	if brought := g.Missing - 1 - g.Behind; brought >= c.handed {
		c.stuck = false
	}
	if c.head == len(c.kept) {
		c.forget()
		return false
	}
	c.mark(g.Ahead)
	for i := c.head; i < len(c.kept); i++ {
		// What was sent after it has come.
		if k := &c.kept[i]; !k.came && k.copies > 0 && k.number+disorder < c.latest {
			k.due, c.next = 0, 1
		}
	}
	return !c.stuck && c.withheld > 0
}

// disorder is how many copies may overtake another before that counts as lost.
const disorder = 1

// mark notes which packets have come before their turn.
func (c *copier) mark(ahead []wire.Span) {
	for i := c.head; i < len(c.kept); i++ {
		k := &c.kept[i]
		for len(ahead) > 0 && ahead[0].First+ahead[0].Count <= k.seq {
			ahead = ahead[1:]
		}
		if len(ahead) == 0 {
			return
		}
		if k.seq >= ahead[0].First {
			k.came = true
			if k.copies == 1 { // else it may have been an earlier one
				c.latest = max(c.latest, k.number)
			}
		}
	}
}

// arrived notes that the other side has all that was handed to the channel.
func (c *copier) arrived() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stuck = false
	if c.withheld == 0 {
		c.forget()
	}
}

// forget lets go of all packets.
func (c *copier) forget() {
	c.kept, c.head, c.data, c.cost, c.next = c.kept[:0], 0, c.data[:0], 0, 0
}

// waiting returns how many bytes are withheld from the channel.
func (c *copier) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.withheld
}

// isStuck reports whether packets are withheld from the channel.
func (c *copier) isStuck() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stuck
}

// due returns when the next copy is, or may be; 0: never.
func (c *copier) due() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next
}

// postpone puts off all copies.
func (c *copier) postpone(until time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = max(c.next, until)
}

// copy appends the next copy that is due to dst, nothing if none is. The wait is for
// how long its sender then hopes to hear of it. All up to message number last were
// sent.
func (c *copier) copy(dst []byte, last uint64, now, wait time.Duration) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = 0
	for i := c.head; i < len(c.kept); i++ {
		k := &c.kept[i]
		switch {
		case k.came:
			continue
		case k.due > now:
			if c.next == 0 || k.due < c.next {
				c.next = k.due
			}
			continue
		case c.allowance < k.to-k.from:
			c.next = now + gotEvery
			return dst
		}
		if !c.stuck {
			c.stuck, c.handed = true, last
			c.hurry(now)
		}
		c.allowance -= k.to - k.from
		k.copies++
		c.copied++
		k.number = c.copied
		k.due = now + wait
		c.next = now // there may be more
		return wire.AppendCopy(dst, c.data[k.from:k.to])
	}
	if c.next == 0 && c.withheld > 0 {
		c.next = now + wait // the channel may have brought all without our hearing of it
	}
	return dst
}

// hurry makes all first copies due: what follows one that has not come waits with it.
func (c *copier) hurry(now time.Duration) {
	for i := c.head; i < len(c.kept); i++ {
		if k := &c.kept[i]; k.copies == 0 {
			k.due = min(k.due, now)
		}
	}
}
