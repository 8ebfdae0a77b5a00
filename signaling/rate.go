package signaling

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

const (
	burstTime = 4 * time.Second  // a peer may send as much at once as it may in this time
	floodTime = 30 * time.Second // one that is held back as long as this is closed
	holdTime  = 20 * time.Millisecond
)

// allowance is what one socket may send. Only its reader uses it.
type allowance struct {
	frames, bytes *rate.Limiter
	since         time.Time // when it was first held back; zero: it is not
}

func newAllowance(l Limits, largest int64) *allowance {
	limiter := func(perSecond int, least int64) *rate.Limiter {
		if perSecond == math.MaxInt {
			return rate.NewLimiter(rate.Inf, 0)
		}
		burst := max(int64(perSecond)*int64(burstTime/time.Second), least)
		return rate.NewLimiter(rate.Limit(perSecond), int(min(burst, math.MaxInt32)))
	}
	return &allowance{frames: limiter(l.FramesPerSecond, 1), bytes: limiter(l.BytesPerSecond, largest)}
}

// charge counts a frame of n bytes. If that is too much it returns how long to
// wait before asking for the same frame again, or why the socket is to end.
func (a *allowance) charge(now time.Time, n int) (wait time.Duration, why Refusal) {
	switch {
	case !a.frames.AllowN(now, 1):
		why = RefusedFrames
	case !a.bytes.AllowN(now, n):
		why = RefusedBytes
	default:
		if a.calm(now) {
			a.since = time.Time{}
		}
		return 0, ""
	}
	if a.since.IsZero() {
		a.since = now
	}
	if now.Sub(a.since) < floodTime {
		return holdTime, ""
	}
	return 0, why
}

// calm tells whether half of what may come at once could come now.
func (a *allowance) calm(now time.Time) bool {
	if a.since.IsZero() {
		return false
	}
	half := func(l *rate.Limiter) bool {
		return l.Limit() == rate.Inf || l.TokensAt(now) >= float64(l.Burst())/2
	}
	return half(a.frames) && half(a.bytes)
}
