package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// How the engine's memory is managed. While many messages move, fewer
// collections are worth some memory. Otherwise it belongs to the game: what
// connecting took, which is far more than being connected takes, is given back
// to the system.
const (
	watchEvery = 250 * time.Millisecond
	loud       = 1 << 20  // cost of messages that moved in that time
	calmAfter  = 20       // quieter times in a row
	trimAfter  = 32 << 20 // bytes allocated since the last time

	loudPercent = 400
	calmPercent = 50
	memoryLimit = 512 << 20 // bytes; beyond it memory counts more than time
)

// moved counts the cost of messages, in and out, of all rooms.
var moved atomic.Uint64

// ended counts the rooms that were closed: what they took can go back.
var ended atomic.Uint64

// allocated is how many bytes the engine has ever allocated.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}

// watchMemory adapts the collector to what goes on, until stop is closed. GOGC in
// the environment decides instead, if set.
func watchMemory(stop <-chan struct{}) {
	if os.Getenv("GOGC") != "" {
		return
	}
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	defer time.AfterFunc(calmAfter*watchEvery, trim)
	defer debug.SetGCPercent(calmPercent)
	k := memoryKeeper{moved: moved.Load(), percent: calmPercent}
	for {
		select {
		case <-ticker.C:
			k.look(moved.Load())
		case <-stop:
			return
		}
	}
}

type memoryKeeper struct {
	moved   uint64
	trimmed uint64 // what was allocated by then
	ended   uint64 // rooms, by then
	quiet   int    // intervals in a row
	percent int
}

func (k *memoryKeeper) look(now uint64) {
	k.quiet++
	if now-k.moved > loud {
		k.quiet = 0
		k.set(loudPercent)
	}
	k.moved = now
	if k.quiet < calmAfter {
		return
	}
	k.quiet = 0
	k.set(calmPercent)
	rooms := ended.Load()
	if now := allocated(); now-k.trimmed > trimAfter || rooms != k.ended {
		trim()
		k.trimmed, k.ended = now, rooms
	}
}

func (k *memoryKeeper) set(percent int) {
	if k.percent != percent {
		k.percent = percent
		debug.SetGCPercent(percent)
	}
}

// trim gives memory back. The stacks that the handshakes made large become half
// as large with each collection.
func trim() {
	runtime.GC()
	runtime.GC()
	debug.FreeOSMemory()
}
