package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// The engine is a guest in a game: it leaves most of the processor to it.
const maxThreads = 4

// limitEngine caps the engine's share of the machine. GOMAXPROCS, GOGC and
// GOMEMLIMIT in the environment decide instead, if set.
func limitEngine() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(min(max(1, runtime.NumCPU()/2), maxThreads))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(calmPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
