package link

import (
	"slices"
	"sync/atomic"
	"time"
)

// trips are the round trips that were measured. The zero value has none.
type trips struct {
	last  [4]time.Duration // the reader's
	count int
	all   extreme      // and the least of them, for long
	least atomic.Int64 // of the last; 0: none yet
	empty atomic.Int64 // of all
	fresh atomic.Bool  // what was measured was another path's
	asked atomic.Int64 // when a ping left that nothing was queued before
}

// emptyFor is for how long, at least, a trip counts as that of the empty path, and
// for twice as long at most.
const emptyFor = 15 * time.Second

// add notes the one of a ping that left then. It is for one goroutine.
func (t *trips) add(left, trip time.Duration) {
	now := left + trip
	if t.fresh.Swap(false) {
		t.count, t.all = 0, extreme{}
	}
	if asked := t.asked.Load(); asked != 0 && asked == int64(left) {
		// That is how long the way is now, unless the ping was lost at first.
		known, ok := t.unloaded()
		if t.all = (extreme{}); ok {
			trip = min(trip, 2*known+longer)
		}
	}
	t.last[t.count%len(t.last)] = trip
	t.count++
	t.least.Store(int64(slices.Min(t.last[:min(t.count, len(t.last))])))
	t.empty.Store(-t.all.add(-int64(trip), now, emptyFor))
}

// longer is by how much a way may become so at once, besides to twice its length.
const longer = 50 * time.Millisecond

// moved forgets them: the path is another one.
func (t *trips) moved() { t.fresh.Store(true) }

// shortest returns how long the way there and back is, without the waits that this
// side itself made: an outage makes one trip long, not all. ok is false if no trip
// was measured.
func (t *trips) shortest() (trip time.Duration, ok bool) {
	trip = time.Duration(t.least.Load())
	return trip, trip > 0
}

// unloaded returns how long it was when nothing was queued on the way.
func (t *trips) unloaded() (trip time.Duration, ok bool) {
	trip = time.Duration(t.empty.Load())
	return trip, trip > 0
}

// extreme is the most of the last values, in two windows of time. The zero value has
// none.
type extreme struct {
	now, before int64
	since       time.Duration
	some        bool
}

// add notes a value and returns the most of those that count: all of the last window,
// and some of twice that.
func (e *extreme) add(v int64, now, window time.Duration) int64 {
	switch {
	case !e.some:
		*e = extreme{now: v, before: v, since: now, some: true}
	case now-e.since >= window:
		e.before, e.now, e.since = e.now, v, now
	default:
		e.now = max(e.now, v)
	}
	return max(e.now, e.before)
}
