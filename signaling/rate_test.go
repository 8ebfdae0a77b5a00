package signaling

import (
	"testing"
	"time"
)

func TestAllowance(t *testing.T) {
	for _, c := range []struct {
		limits Limits
		size   int
		why    Refusal
	}{
		{Limits{FramesPerSecond: 10, BytesPerSecond: -1}, 1000, RefusedFrames},
		{Limits{FramesPerSecond: -1, BytesPerSecond: 10_000}, 1000, RefusedBytes},
	} {
		a := newAllowance(c.limits.withDefaults(), 20_000)
		now := time.Now()
		for range 40 { // four seconds' worth at once
			if wait, why := a.charge(now, c.size); wait != 0 || why != "" {
				t.Fatalf("%s: held back although there was room: %v, %q", c.why, wait, why)
			}
		}
		if wait, why := a.charge(now, c.size); wait == 0 || why != "" {
			t.Fatalf("%s: one more passes: %v, %q", c.why, wait, why)
		}
		// One that then keeps to it is forgiven.
		now = now.Add(3 * time.Second)
		if wait, _ := a.charge(now, c.size); wait != 0 || !a.since.IsZero() {
			t.Errorf("%s: nothing is forgiven", c.why)
		}
		// One that does not is thrown out.
		var why Refusal
		for end := now.Add(2 * floodTime); why == "" && now.Before(end); {
			var wait time.Duration
			wait, why = a.charge(now, c.size)
			now = now.Add(wait)
		}
		if why != c.why {
			t.Errorf("a flood was refused as %q, want %q", why, c.why)
		}
	}
	a := newAllowance(Limits{FramesPerSecond: -1, BytesPerSecond: -1}.withDefaults(), 1)
	for range 100_000 {
		if wait, why := a.charge(time.Now(), 1<<20); wait != 0 || why != "" {
			t.Fatal("no limit is one")
		}
	}
}
