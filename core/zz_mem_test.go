package core_test

import (
	"os"
	"runtime"
	"runtime/pprof"
	"testing"
	"time"
	"unityp2p/core"
)

func TestMemZZ(t *testing.T) {
	s := newServer(t)
	var m0, m1 runtime.MemStats
	h := host(t, "h", s.config("room"))
	h.awaitEvent("open", 0, isType(core.RoomOpen))
	runtime.GC(); runtime.GC()
	runtime.ReadMemStats(&m0)
	g0 := runtime.NumGoroutine()
	n := 10
	for range n {
		join(t, "c", s.config("room"))
	}
	h.await("all", func() bool { return len(h.here) == n })
	time.Sleep(3 * time.Second)
	runtime.GC(); runtime.GC(); runtime.GC()
	runtime.ReadMemStats(&m1)
	ends := n * (n + 1)
	t.Logf("ends %d; heap %d KB, stack %d KB, goroutines %d per end; sys %d", ends, (m1.HeapAlloc-m0.HeapAlloc)/1024/uint64(ends), (m1.StackInuse-m0.StackInuse)/1024/uint64(ends), (runtime.NumGoroutine()-g0)/ends, m1.Sys>>20)
	f, _ := os.Create("/tmp/heap.prof")
	pprof.WriteHeapProfile(f)
	f.Close()
	f, _ = os.Create("/tmp/gr.txt")
	pprof.Lookup("goroutine").WriteTo(f, 1)
	f.Close()
}
