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
	loud       = 1 << 20 // cost of messages that moved in that time
	calmAfter  = 20      // quieter times in a row
	trimFrom   = 4 << 20 // bytes that can be given back, and half of what is in use

	loudPercent = 400
	calmPercent = 50
	memoryLimit = 512 << 20 // bytes; beyond it memory counts more than time
)

// moved counts the cost of messages, in and out, of all rooms.
var moved atomic.Uint64

// memory is what the runtime says of its heap, in bytes.
type memory struct{ live, objects, free uint64 }

func readMemory() memory {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(samples)
	var values [3]uint64
	for i, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			values[i] = s.Value.Uint64()
		}
	}
	return memory{values[0], values[1], values[2]}
}

// wasted is how many bytes a collection would make free, with those that are.
func (m memory) wasted() uint64 { return m.free + m.objects - min(m.objects, m.live) }

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
	quiet   int // intervals in a row
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
	if m := readMemory(); m.wasted() > trimFrom+m.live/2 {
		trim()
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
