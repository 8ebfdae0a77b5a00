package status

import (
	"testing"
	"time"
)

func TestTimesAndNumbersAreSpelled(t *testing.T) {
	for d, want := range map[time.Duration]string{
		900 * time.Millisecond: "0 seconds", time.Second: "1 second", 59 * time.Second: "59 seconds", 90 * time.Second: "1 minute",
		59 * time.Minute: "59 minutes", 61 * time.Minute: "1 h 1 min", 24 * time.Hour: "1 day 0 h", 1000 * time.Hour: "41 days 16 h",
	} {
		if got := spell(d); got != want {
			t.Errorf("%v is spelled %q, not %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is written %q, not %q", n, got, want)
		}
	}
}
