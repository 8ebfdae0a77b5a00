package link

import (
	"testing"
	"time"
)

func TestAges(t *testing.T) {
	const ms = time.Millisecond
	var a ages
	expect := func(held uint64, now, want time.Duration) {
		t.Helper()
		if got := a.oldest(held, now); got != want {
			t.Errorf("%d bytes at %v: %v in place of %v", held, now, got, want)
		}
	}
	expect(0, 0, 0)
	expect(10, 0, 0) // what others handed over
	a.add(100, 10*ms)
	a.add(50, 12*ms) // as good as the same time
	a.add(100, 20*ms)
	expect(250, 30*ms, 20*ms)
	expect(101, 30*ms, 20*ms)
	expect(100, 30*ms, 10*ms)
	expect(1, 30*ms, 10*ms)
	expect(0, 30*ms, 0)
	for i := range 100_000 {
		now := time.Duration(i) * 10 * ms
		a.add(10, now)
		expect(100, now, time.Duration(min(i, 9))*10*ms)
	}
	if cap(a.marks) > 64 {
		t.Errorf("ten marks take room for %d", cap(a.marks))
	}
}
