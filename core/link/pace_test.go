package link

import (
	"encoding/binary"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// flow is what came of a game that fills the way with reliable messages, and sends
// others besides, in some seconds.
type flow struct {
	reliable float64 // bytes a second
	p50, p99 time.Duration
}

// fill plays that from a to b.
func fill(t *testing.T, a, b *played, span time.Duration) flow {
	t.Helper()
	var late []time.Duration
	var bytes int
	b.mu.Lock()
	b.asked = func(m Message) {
		if m.Reliable {
			bytes += len(m.Data)
		} else {
			late = append(late, time.Since(a.started)-time.Duration(binary.BigEndian.Uint64(m.Data)))
		}
	}
	b.mu.Unlock()
	message, large := make([]byte, 200), make([]byte, 8000)
	for began := time.Now(); time.Since(began) < span; time.Sleep(10 * time.Millisecond) {
		binary.BigEndian.PutUint64(message, uint64(time.Since(a.started)))
		if err := a.Send(message, false, false); err != nil {
			t.Fatal(err)
		}
		for a.Send(large, true, false) == nil {
		}
	}
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	slices.Sort(late)
	if len(late) == 0 {
		t.Fatal("nothing unreliable came")
	}
	return flow{float64(bytes) / span.Seconds(), late[len(late)/2], late[len(late)*99/100]}
}

// Reliable messages that fill a slow uplink delay the others by a tenth of a second,
// not by seconds, and fill it all the same, also when the way becomes another one.
func TestBulkLeavesTheWayFree(t *testing.T) {
	play(t, playedEngine(t), true, 1, func(a, b *played, ways [2]*way) {
		for _, tt := range []struct {
			name  string
			rate  float64 // bytes a second
			delay time.Duration
		}{
			{"1 Mbit/s", 125_000, 50 * time.Millisecond},
			{"ten times as much", 1_250_000, 50 * time.Millisecond},
			{"a tenth of it again", 125_000, 50 * time.Millisecond},
			{"longer", 125_000, 200 * time.Millisecond},
			{"shorter", 125_000, 10 * time.Millisecond},
		} {
			ways[0].set(weather{delay: tt.delay, rate: tt.rate})
			ways[1].set(weather{delay: tt.delay})
			used := fill(t, a, b, 25*time.Second) // it takes a while to see
			got := fill(t, a, b, 40*time.Second)
			t.Logf("%s: at first %.0f kB/s, unreliable after %v, p99 %v; then %.0f kB/s, %v, %v", tt.name,
				used.reliable/1000, used.p50, used.p99, got.reliable/1000, got.p50, got.p99)
			if most := tt.delay + queued(2*tt.delay) + 250*time.Millisecond; got.p99 > most {
				t.Errorf("%s: p99 is %v, want at most %v", tt.name, got.p99, most)
			}
			// A quarter is what the others take, and heads.
			if got.reliable < 0.6*tt.rate {
				t.Errorf("%s: %.0f kB/s of %.0f", tt.name, got.reliable/1000, tt.rate/1000)
			}
		}
	})
}

// Where nothing is slow, nothing is held back.
func TestAFastWayIsNotPaced(t *testing.T) {
	play(t, playedEngine(t), true, 1, func(a, b *played, ways [2]*way) {
		for _, delay := range []time.Duration{time.Millisecond, 50 * time.Millisecond, 150 * time.Millisecond} {
			for _, w := range ways {
				w.set(weather{delay: delay})
			}
			fill(t, a, b, 40*delay)
			got := fill(t, a, b, 20*delay)
			// What can be on the way there and back is bounded by SCTP's share and by
			// the receiver's window.
			most := float64(highWater) / (2 * delay).Seconds()
			t.Logf("%v: %.1f MB/s of %.1f", 2*delay, got.reliable/1e6, most/1e6)
			if delay > time.Millisecond && got.reliable < most/2 {
				t.Errorf("%v: %.1f MB/s, want at least half of %.1f", 2*delay, got.reliable/1e6, most/1e6)
			}
		}
	})
}
