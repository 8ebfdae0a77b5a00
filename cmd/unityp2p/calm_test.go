package main

import "testing"

func TestMemoryIsGivenBackWhenThingsAreCalm(t *testing.T) {
	var c calmer
	c.freed(use{allocated: 1 << 20, goroutines: 10})
	for i, step := range []struct {
		now  use
		want bool
	}{
		{use{allocated: 2 << 20, goroutines: 10}, false},                   // nothing to gain
		{use{allocated: 60 << 20, goroutines: 5000}, false},                // busy
		{use{allocated: 120 << 20, goroutines: 5000}, false},               // still
		{use{allocated: 121 << 20, goroutines: 5000}, true},                // calm
		{use{allocated: 121 << 20, goroutines: 5000}, false},               // and done
		{use{allocated: 122 << 20, goroutines: 3500}, true},                // many have gone
		{use{allocated: 122 << 20, goroutines: 3500, free: 5 << 20}, true}, // it was kept
	} {
		got := c.look(step.now)
		if got != step.want {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
		if got {
			c.freed(step.now)
		}
	}
}
