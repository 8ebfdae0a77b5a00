package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Go gives memory back late: it lets as much garbage gather as there is in use,
// looks for it only when there is enough, and keeps what it finds for a while. A
// server that was busy and now holds thousands of sockets which do nothing would
// stay twice as large as it is. So memory is given back when things are calm.
const (
	calmEvery = 5 * time.Second
	calmRate  = 4 << 20 // bytes that may be allocated meanwhile
	calmWorth = 4 << 20 // bytes that have to be gained
	calmPeer  = 4 << 10 // bytes that a peer's goroutine holds, at least
)

// calmDown gives memory back to the system when the server is calm, until ctx
// ends.
func calmDown(ctx context.Context) {
	ticker := time.NewTicker(calmEvery)
	defer ticker.Stop()
	var c calmer
	for {
		select {
		case <-ticker.C:
			if now := memory(); c.look(now) {
				debug.FreeOSMemory()
				c.freed(now) // what ended meanwhile may not be free yet
			}
		case <-ctx.Done():
			return
		}
	}
}

// use is what the runtime says of itself.
type use struct {
	allocated  uint64 // bytes, since the beginning
	free       uint64 // bytes that are kept for later
	goroutines uint64
}

func memory() use {
	s := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/sched/goroutines:goroutines"},
	}
	metrics.Read(s)
	return use{s[0].Value.Uint64(), s[1].Value.Uint64(), s[2].Value.Uint64()}
}

// calmer decides when.
type calmer struct {
	last  use
	given use    // when memory was last given back
	most  uint64 // goroutines that there were since
}

// look tells whether little is going on, and much to be gained: garbage, memory
// that is kept, and what goroutines held that have ended.
func (c *calmer) look(now use) bool {
	calm := now.allocated-c.last.allocated < calmRate
	c.last = now
	c.most = max(c.most, now.goroutines)
	gain := now.allocated - c.given.allocated + now.free + (c.most-now.goroutines)*calmPeer
	return calm && gain >= calmWorth
}

func (c *calmer) freed(now use) { c.last, c.given, c.most = now, now, now.goroutines }
