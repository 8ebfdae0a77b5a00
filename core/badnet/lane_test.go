package badnet

import (
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"
)

var (
	somewhere = netip.MustParseAddrPort("192.0.2.1:1000")
	start     = time.Unix(1_000_000, 0)
)

// run gives a lane n datagrams of a size, one every gap, and returns when each that
// arrives is due after the start, and its number.
func run(p Path, seed uint32, n, size int, gap time.Duration) (due []time.Duration, numbers []int) {
	var l lane
	l.set(&Conditions{Seed: seed, Send: p}, p, 1)
	data := make([]byte, size)
	for i := range n {
		data[0], data[1], data[2] = byte(i), byte(i>>8), byte(i>>16)
		l.take(start.Add(time.Duration(i)*gap), data, somewhere)
	}
	for _, ok := l.next(); ok; _, ok = l.next() {
		d := l.pop()
		due = append(due, d.due.Sub(start))
		numbers = append(numbers, int(d.data[0])|int(d.data[1])<<8|int(d.data[2])<<16)
	}
	return due, numbers
}

// near reports whether count of n is what the percentage says, within five standard
// deviations.
func near(count, n int, percent float64) bool {
	p := percent / 100
	return math.Abs(float64(count)-float64(n)*p) <= 5*math.Sqrt(float64(n)*p*(1-p))
}

func TestChances(t *testing.T) {
	const n = 20000
	for _, percent := range []float64{0.5, 1, 5, 20, 50} {
		_, got := run(Path{Loss: percent}, 1, n, 10, time.Millisecond)
		if !near(n-len(got), n, percent) || !slices.IsSorted(got) {
			t.Errorf("loss %v %%: %d of %d lost", percent, n-len(got), n)
		}
		_, got = run(Path{Duplication: percent}, 2, n, 10, time.Millisecond)
		if !near(len(got)-n, n, percent) || !slices.IsSorted(got) {
			t.Errorf("duplication %v %%: %d of %d twice", percent, len(got)-n, n)
		}
		due, got := run(Path{Reordering: percent}, 3, n, 10, 100*time.Millisecond)
		held := 0
		for i, d := range due {
			if d > time.Duration(got[i])*100*time.Millisecond {
				held++
			}
		}
		if !near(held, n, percent) || len(got) != n {
			t.Errorf("reordering %v %%: %d of %d held back", percent, held, n)
		}
	}
	if _, got := run(Path{Loss: 100}, 1, n, 10, 0); len(got) != 0 {
		t.Errorf("%d passed where nothing does", len(got))
	}
	// One setting does not change another's luck.
	_, one := run(Path{Loss: 10}, 7, 1000, 10, 0)
	_, both := run(Path{Loss: 10, Latency: time.Second, Reordering: 0}, 7, 1000, 10, 0)
	if !slices.Equal(one, both) {
		t.Error("latency changed what is lost")
	}
}

func TestReordering(t *testing.T) {
	_, got := run(Path{Reordering: 10}, 1, 1000, 10, 10*time.Millisecond)
	if slices.IsSorted(got) {
		t.Error("nothing was overtaken")
	}
	for i, number := range got {
		if math.Abs(float64(i-number)) > 6 {
			t.Fatalf("number %d came as the %dth", number, i)
		}
	}
}

func TestLatencyAndJitter(t *testing.T) {
	const gap = 50 * time.Millisecond
	p := Path{Latency: 80 * time.Millisecond, Jitter: 40 * time.Millisecond}
	due, got := run(p, 1, 5000, 10, gap)
	if len(got) != 5000 || !slices.IsSorted(got) {
		t.Fatal("jitter alone lost or disordered something")
	}
	var least, most, sum time.Duration = time.Hour, 0, 0
	for i, d := range due {
		late := d - time.Duration(i)*gap
		least, most, sum = min(least, late), max(most, late), sum+late
	}
	mean := sum / time.Duration(len(due))
	if least < p.Latency || least > p.Latency+time.Millisecond || most > p.Latency+p.Jitter ||
		most < p.Latency+p.Jitter-time.Millisecond || mean < 98*time.Millisecond || mean > 102*time.Millisecond {
		t.Errorf("late by %v to %v, %v in the mean", least, most, mean)
	}
	// Those sent together stay in order.
	if _, got = run(p, 1, 5000, 10, time.Microsecond); !slices.IsSorted(got) {
		t.Error("jitter disordered what was sent together")
	}
}

func TestRate(t *testing.T) {
	// 1000 kbit/s, of datagrams of 1250 bytes with their headers: one every 10 ms.
	due, got := run(Path{Rate: 1000}, 1, 200, 1250-headers, 20*time.Millisecond)
	if len(got) != 200 || due[0] != 10*time.Millisecond || due[199] != 199*20*time.Millisecond+10*time.Millisecond {
		t.Errorf("half the rate: %d passed, from %v to %v", len(got), due[0], due[len(due)-1])
	}
	// Twice the rate: half passes, and what passes is at most half a second late.
	due, got = run(Path{Rate: 1000}, 1, 2000, 1250-headers, 5*time.Millisecond)
	if len(got) < 1000 || len(got) > 1060 {
		t.Errorf("twice the rate: %d of 2000 passed", len(got))
	}
	for i, d := range due {
		if late := d - time.Duration(got[i])*5*time.Millisecond; late > mostQueue+10*time.Millisecond {
			t.Fatalf("%v late", late)
		}
	}
}

func TestWhatWaitsIsBounded(t *testing.T) {
	_, got := run(Path{Latency: MostDelay}, 1, 10000, 1000, 0)
	if len(got) != mostBytes/1000 {
		t.Errorf("%d datagrams of 1000 bytes waited", len(got))
	}
}

func TestSeed(t *testing.T) {
	p := Path{Loss: 30, Jitter: time.Second, Duplication: 10, Reordering: 10}
	due, got := run(p, 5, 1000, 10, time.Millisecond)
	due2, got2 := run(p, 5, 1000, 10, time.Millisecond)
	if !slices.Equal(due, due2) || !slices.Equal(got, got2) {
		t.Error("the same seed did not repeat itself")
	}
	for _, seed := range []uint32{6, 0} {
		if _, got2 = run(p, seed, 1000, 10, time.Millisecond); slices.Equal(got, got2) {
			t.Errorf("seed %d is no other than 5", seed)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, p := range []Path{
		{Latency: -1}, {Latency: MostDelay + 1}, {Jitter: -1}, {Jitter: MostDelay + 1}, {Loss: -0.1}, {Loss: 100.1},
		{Loss: math.NaN()}, {Duplication: math.Inf(1)}, {Reordering: -1}, {Rate: -1}, {Rate: MostRate + 1},
	} {
		var n Network
		if n.Set(Conditions{Send: p}) == nil || n.Set(Conditions{Receive: p}) == nil || n.now.Load() != nil {
			t.Errorf("%+v was taken", p)
		}
	}
	var n Network
	full := Path{MostDelay, MostDelay, 100, 100, 100, MostRate}
	if err := n.Set(Conditions{Send: full, Receive: full}); err != nil || n.now.Load() == nil {
		t.Error(err)
	}
	if err := n.Set(Conditions{Seed: 3}); err != nil || n.now.Load() != nil {
		t.Errorf("a good network has conditions: %v", err)
	}
}
