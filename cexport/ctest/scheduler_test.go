//go:build linux

package ctest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// A frame loop that polls and sends does not feel that the engine and other
// threads burn the processor: no call waits for the engine. The machine may run
// something else meanwhile, and the machine below it too, of which nothing here
// knows: what is the library's own doing is there in each of three attempts.
func TestFramesDoNotWaitForTheEngine(t *testing.T) {
	program, _ := compile(t, "programs/library_frames.c", "../../include", burning)
	for _, goroutines := range []string{"2", "4"} {
		t.Run(goroutines+" busy goroutines", func(t *testing.T) {
			for range 3 {
				out := run(t, []string{"UNITYP2P_BURN=" + goroutines}, program, "2", "10")
				var median, most, wall, rtt float64
				var pings int
				if _, err := fmt.Sscan(out, &median, &most, &wall, &rtt, &pings); err != nil {
					t.Fatalf("%v: %q", err, out)
				}
				t.Logf("inside P2P_ calls, a frame: median %.1f us, p99.9 %.1f us (%.1f us by the wall clock); ping p50 %.0f us of %d",
					median, most, wall, rtt, pings)
				if most <= 200 {
					return
				}
			}
			t.Error("p99.9 of the time inside P2P_ calls is above 200 us")
		})
	}
}

// However busy the engine is, it takes no more than its share of the cores.
func TestTheEngineTakesItsShare(t *testing.T) {
	program, _ := compile(t, "programs/library_frames.c", "../../include", burning)
	share := float64(min(max(1, runtime.NumCPU()/2), 4))
	for environment, most := range map[string]float64{"": share, "GOMAXPROCS=1": 1} {
		if runtime.NumCPU() == 1 {
			t.Skip("one core cannot show it")
		}
		out := run(t, []string{"UNITYP2P_BURN=8", environment}, program, "share", "3")
		var took float64
		if _, err := fmt.Sscan(strings.TrimSpace(out), &took); err != nil {
			t.Fatalf("%v: %q", err, out)
		}
		t.Logf("%q: %.2f cores of %d", environment, took, runtime.NumCPU())
		if took > most+0.3 {
			t.Errorf("the engine takes %.2f cores, %v are its share", took, most)
		}
	}
}
