package signaling

import (
	"math"
	"testing"
	"time"
)

// Many are told one after the other, and a shutdown that has little time takes
// no more than half of it for that.
func TestGoodbyesAreSpread(t *testing.T) {
	for _, c := range []struct {
		peers int
		left  time.Duration
		least time.Duration // that it takes, in ticks
		most  time.Duration
	}{
		{1, math.MaxInt64, 0, goodbyeTick},
		{400, math.MaxInt64, 80 * time.Millisecond, 100 * time.Millisecond},
		{19_000, math.MaxInt64, 4 * time.Second, goodbyeTime},
		{1_000_000, math.MaxInt64, 4 * time.Second, goodbyeTime},
		{19_000, 2 * time.Second, 900 * time.Millisecond, time.Second},
		{19_000, -time.Second, 0, goodbyeTick},
	} {
		took := time.Duration(c.peers/goodbyesPerTick(c.peers, c.left)) * goodbyeTick
		if took < c.least || took > c.most {
			t.Errorf("%d peers in %v take %v", c.peers, c.left, took)
		}
	}
}
