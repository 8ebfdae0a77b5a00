//go:build linux

package netlab

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// lastWord is a lane and what came out of it, in order.
type lastWord struct {
	*lane
	mu   sync.Mutex
	got  []byte
	when []time.Duration
	stop chan struct{}
}

func drawn(t *testing.T, seed uint64, c Conditions) *lastWord {
	w := &lastWord{stop: make(chan struct{})}
	began := time.Now()
	w.lane = newLane(rand.New(rand.NewPCG(seed, 0)), func(packet []byte) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.got = append(w.got, packet[0])
		w.when = append(w.when, time.Since(began))
		return true
	})
	w.set(c)
	var running sync.WaitGroup
	running.Go(func() { w.run(w.stop) })
	t.Cleanup(func() { close(w.stop); running.Wait() })
	return w
}

func (w *lastWord) await(t *testing.T, n int) []byte {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		w.mu.Lock()
		got := append([]byte(nil), w.got...)
		w.mu.Unlock()
		if len(got) >= n {
			return got
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d packets came", len(got), n)
		}
	}
}

func TestAWireDelays(t *testing.T) {
	const delay = 30 * time.Millisecond
	w := drawn(t, 1, Conditions{Delay: delay, Jitter: 10 * time.Millisecond})
	for i := range 50 {
		w.take([]byte{byte(i)})
	}
	for i, b := range w.await(t, 50) {
		if int(b) != i {
			t.Fatalf("packet %d came as number %d", b, i)
		}
		if w.when[i] < delay {
			t.Errorf("packet %d came after %v", i, w.when[i])
		}
	}
}

// The same seed loses the same packets, and about as many as it should.
func TestAWireLosesAsItsSeedSays(t *testing.T) {
	const n = 20_000
	count := func(seed uint64) (uint64, []byte) {
		w := drawn(t, seed, Conditions{Loss: 0.2, Duplicate: 0.1})
		for i := range n {
			w.take([]byte{byte(i)})
		}
		lost := w.count().Lost
		w.lane.set(Conditions{})
		w.take([]byte{255})
		return lost, w.await(t, n-int(lost))
	}
	lost, first := count(7)
	if lost < n*18/100 || lost > n*22/100 {
		t.Errorf("%d of %d lost, want a fifth", lost, n)
	}
	if again, second := count(7); again != lost || string(first[:n/2]) != string(second[:n/2]) {
		t.Error("the same seed lost others")
	}
}

func TestAWireReorders(t *testing.T) {
	w := drawn(t, 3, Conditions{Reorder: 0.2, HoldBack: 5 * time.Millisecond})
	for i := range 200 {
		w.take([]byte{byte(i)})
	}
	overtaken := 0
	highest := -1
	for _, b := range w.await(t, 200) {
		if int(b) < highest {
			overtaken++
		}
		highest = max(highest, int(b))
	}
	if overtaken < 10 || overtaken > 100 {
		t.Errorf("%d of 200 were overtaken, want about 40", overtaken)
	}
}

func TestAWireHasARateAndAQueue(t *testing.T) {
	w := drawn(t, 4, Conditions{Rate: 8_000_000, Queue: 20_000}) // 1 MB a second
	packet := make([]byte, 1000)
	for range 40 {
		w.take(packet)
	}
	overflowed := w.count().Overflowed
	if overflowed == 0 || overflowed > 21 {
		t.Errorf("%d of 40 kB did not fit a queue of 20 kB", overflowed)
	}
	w.await(t, 40-int(overflowed))
	if last := w.when[len(w.when)-1]; last < time.Duration(39-overflowed)*time.Millisecond {
		t.Errorf("%d kB arrived after %v at 1 kB a millisecond", 40-overflowed, last)
	}
}

func TestADarkWire(t *testing.T) {
	w := drawn(t, 5, Conditions{Dark: true})
	w.take([]byte{1})
	w.set(Conditions{})
	w.take([]byte{2})
	if got := w.await(t, 1); got[0] != 2 {
		t.Errorf("came through: %v", got)
	}
	if c := w.count(); c.Dark != 1 || c.Packets != 1 {
		t.Errorf("counted %+v", c)
	}
}
