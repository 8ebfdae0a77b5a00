package link

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"unityp2p/core/wire"
	"unityp2p/internal/cutnet"
)

// cuttable is connect over networks that can be cut.
func cuttable(t *testing.T, change func(i int, e *Engine)) (a, b *end, nets [2]*cutnet.Net) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan struct{})
	var ends [2]*end
	var engines [2]*Engine
	for i := range ends {
		var err error
		if nets[i], err = cutnet.New(); err != nil {
			t.Fatal(err)
		}
		o := testOptions()
		o.Net = nets[i]
		if engines[i], err = NewEngine(o); err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(i, engines[i])
		}
		ends[i] = &end{t: t, ready: ready, admit: true, changed: make(chan struct{})}
	}
	ends[0].other, ends[1].other = ends[1], ends[0]
	var err error
	if ends[1].link, err = engines[1].Answer(ctx, ends[1], engines[0].Member()); err != nil {
		t.Fatal(err)
	}
	if ends[0].link, err = engines[0].Offer(ctx, ends[0], engines[1].Member()); err != nil {
		t.Fatal(err)
	}
	close(ready)
	t.Cleanup(func() {
		cancel()
		<-ends[0].link.Done()
		<-ends[1].link.Done()
	})
	for _, e := range ends {
		e.await("up", func() bool { return e.up })
	}
	return ends[0], ends[1], nets
}

// open lets restart messages through, both ways.
func open(ends ...*end) {
	for _, e := range ends {
		e.update(func() { e.way = func(sealed []byte) { e.other.link.Restart(sealed) } })
		e.link.NewWay()
	}
}

// talking sends numbered reliable messages both ways until it is stopped, which
// checks that each came once and in order.
func talking(t *testing.T, a, b *end) (stop func()) {
	t.Helper()
	quit := make(chan struct{})
	counts := make(chan [2]uint32)
	go func() {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		var sent [2]uint32
		for {
			select {
			case <-ticker.C:
			case <-quit:
				counts <- sent
				return
			}
			for i, e := range []*end{a, b} {
				if e.link.Send(binary.BigEndian.AppendUint32(nil, sent[i]), true, false) == nil {
					sent[i]++
				}
			}
		}
	}()
	return func() {
		t.Helper()
		close(quit)
		sent := <-counts
		for i, e := range []*end{b, a} {
			e.await("every message", func() bool { return len(e.messages) >= int(sent[i]) })
			e.mu.Lock()
			for n, m := range e.messages {
				if got := binary.BigEndian.Uint32(m.Data); got != uint32(n) {
					t.Fatalf("message %d in place of %d", got, n)
				}
			}
			e.mu.Unlock()
		}
	}
}

// anew waits until there is a new path that both sides know of.
func anew(a, b *end, times int) {
	a.t.Helper()
	for _, e := range []*end{a, b} {
		e.await("a new path", func() bool {
			return e.moved >= times && len(e.restarting) >= 2*times && !e.restarting[len(e.restarting)-1]
		})
	}
}

// Whoever's network forgets, and whichever side notices: there is a new path, and no
// message is missing, doubled or out of order.
func TestAPathIsMadeAnew(t *testing.T) {
	for name, cut := range map[string]func(nets [2]*cutnet.Net){
		"the offerer's":       func(nets [2]*cutnet.Net) { nets[0].Cut() },
		"the answerer's":      func(nets [2]*cutnet.Net) { nets[1].Cut() },
		"both":                func(nets [2]*cutnet.Net) { nets[0].Cut(); nets[1].Cut() },
		"deaf is the offerer": func(nets [2]*cutnet.Net) { nets[0].CutSome(false, true) },
		"deaf the answerer":   func(nets [2]*cutnet.Net) { nets[1].CutSome(false, true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b, nets := cuttable(t, nil)
			open(a, b)
			stop := talking(t, a, b)
			for i := range 3 {
				began := time.Now()
				cut(nets)
				anew(a, b, i+1)
				t.Logf("a new path after %v", time.Since(began))
			}
			stop()
		})
	}
}

// Nobody gives a path up while there is no way to agree on another: it may come back.
func TestWithoutAWayNothingIsClosed(t *testing.T) {
	a, b, nets := cuttable(t, nil)
	stop := talking(t, a, b)
	nets[0].Cut()
	for _, e := range []*end{a, b} {
		e.await("trouble", func() bool { return len(e.restarting) > 0 && len(e.reach) > 0 })
	}
	if a.link.restart.generationNow() != 0 {
		t.Error("a restart began, of which the other side cannot know")
	}
	open(a, b)
	anew(a, b, 1)
	for _, e := range []*end{a, b} {
		e.await("to be reachable", func() bool { return len(e.reach) == 2 && e.reach[1] })
	}
	stop()
}

// A new path is no way for others until the answer to a ping of it is there; one to an
// earlier ping shows nothing.
func TestANewPathIsProven(t *testing.T) {
	a, _, _ := cuttable(t, nil)
	r := &a.link.restart
	const ping = time.Hour
	r.proof.Store(int64(ping))
	a.await("trouble", func() bool { return len(a.restarting) == 1 })
	r.ponged(uint64(ping - 1))
	if r.proof.Load() == 0 {
		t.Error("the answer to an earlier ping was taken for that")
	}
	r.ponged(uint64(ping))
	a.await("no trouble", func() bool { return len(a.restarting) == 2 && !a.restarting[1] })
}

// A machine whose addresses change is looked after at once.
func TestAChangeOfAddressesIsACheck(t *testing.T) {
	a, b, nets := cuttable(t, nil)
	open(a, b)
	stop := talking(t, a, b)
	a.await("the watch has a list to compare with", func() bool {
		i := &a.link.engine.interfaces
		i.mu.Lock()
		defer i.mu.Unlock()
		return i.known != nil
	})
	nets[0].Move()
	nets[0].Cut()
	began := time.Now()
	anew(a, b, 1)
	t.Logf("a new path after %v", time.Since(began))
	// A change that harms nothing begins nothing.
	nets[0].Move()
	a.await("the change is seen", func() bool {
		return a.link.engine.LostAddress("192.0.2.1")
	})
	stop()
	if n := a.link.restart.generationNow(); n > 2 {
		t.Errorf("%d restarts", n)
	}
}

// Messages may be lost, doubled and late.
func TestRestartOverABadWay(t *testing.T) {
	a, b, nets := cuttable(t, nil)
	for i, e := range []*end{a, b} {
		count, last := i, []byte(nil)
		way := func(sealed []byte) {
			count++
			switch count % 4 {
			case 0: // lost
			case 1:
				e.other.link.Restart(last)
				fallthrough
			default:
				e.other.link.Restart(sealed)
				e.other.link.Restart(sealed)
			}
			last = sealed
		}
		e.update(func() { e.way = way })
	}
	stop := talking(t, a, b)
	for i := range 3 {
		nets[i%2].Cut()
		anew(a, b, i+1)
	}
	stop()
}

// With a peer that knows no restarts all is as it was: the link ends by silence.
func TestAPeerWithoutRestarts(t *testing.T) {
	for older := range 2 {
		t.Run(fmt.Sprint(older), func(t *testing.T) {
			t.Parallel()
			a, b, nets := cuttable(t, func(i int, e *Engine) {
				e.options.UnreachableAfter, e.options.DisconnectAfter = time.Second, 4*time.Second
				if i == older {
					e.capabilities = 0
				}
			})
			open(a, b)
			if a.link.Session() != 0 || b.link.Session() != 0 {
				t.Error("there is a session for restarts")
			}
			nets[0].Cut()
			for _, e := range []*end{a, b} {
				e.await("the end", func() bool { return e.down != nil })
				if *e.down != TimedOut || len(e.restarting) > 0 || e.moved > 0 {
					t.Errorf("ended for reason %d, restarting %v", *e.down, e.restarting)
				}
			}
		})
	}
}

// credentials are such as ICE has.
var credentials = wire.Restart{Fragment: "abcdefgh", Password: "abcdefghijklmnopqrstuvwxyz"}

// Whoever sends again what it saw pass begins nothing.
func TestAReplayedRestartBeginsNothing(t *testing.T) {
	a, b, nets := cuttable(t, nil)
	var mu sync.Mutex
	var seen [][]byte
	for _, e := range []*end{a, b} {
		e.update(func() {
			e.way = func(sealed []byte) {
				mu.Lock()
				seen = append(seen, sealed)
				mu.Unlock()
				e.other.link.Restart(sealed)
			}
		})
	}
	stop := talking(t, a, b)
	nets[0].Cut()
	anew(a, b, 1)
	mu.Lock()
	recorded := slices.Clone(seen)
	mu.Unlock()
	for range 20 {
		for _, sealed := range recorded {
			a.link.Restart(sealed)
			b.link.Restart(sealed)
		}
	}
	nets[1].Cut()
	anew(a, b, 2)
	stop()
	for _, e := range []*end{a, b} {
		if n := e.link.restart.generationNow(); n != 2 {
			t.Errorf("%d restarts", n)
		}
	}
}

// A peer that makes us begin again and again gets no more than two restarts a second,
// after some no more than one in the time for a restart, and harms its own connection
// alone.
func TestRestartsWithoutEndAreHeldBack(t *testing.T) {
	t.Parallel()
	a, b := connect(t, nil)
	keys := a.link.restart.keys
	generations := map[uint64]bool{}
	began := time.Now()
	for i := uint64(1); time.Since(began) < 10*time.Second; i++ {
		m := credentials
		m.Kind, m.Generation, m.Seq = wire.RestartOffer, i, i
		if _, ok := b.link.Restart(keys.Seal(&m, true)); !ok {
			t.Fatal("what the other side sealed was not taken")
		}
		generations[b.link.restart.generationNow()] = true
		if took := time.Since(began); len(generations)-1 > int(took/leastAnswers)+1 {
			t.Fatalf("%d restarts in %v", len(generations)-1, took)
		}
		<-time.After(time.Millisecond)
	}
	if most := mostRestarts + int(time.Since(began)/roundTime) + 1; len(generations)-1 > most || len(generations) < 3 {
		t.Errorf("%d restarts, at most %d were to be", len(generations)-1, most)
	}
}

// Only who made the first offer makes offers.
func TestWhoOffersOutOfTurnIsOut(t *testing.T) {
	for _, kind := range []wire.RestartKind{wire.RestartOffer, wire.RestartAnswer} {
		a, b := connect(t, nil)
		liar, victim := b, a
		if kind == wire.RestartAnswer {
			liar, victim = a, b
		}
		m := credentials
		m.Kind, m.Generation, m.Seq = kind, 1, 1
		victim.link.Restart(liar.link.restart.keys.Seal(&m, liar.link.offerer))
		victim.await("the end", func() bool { return victim.down != nil })
		if *victim.down != Protocol {
			t.Errorf("ended for reason %d", *victim.down)
		}
	}
}

// A silent link whose silence is not judged waits; then it looks at once.
func TestAPatientLinkWaits(t *testing.T) {
	a, b, nets := cuttable(t, nil)
	open(a, b)
	for _, e := range []*end{a, b} {
		e.link.SetPatient(true)
	}
	nets[0].Cut()
	<-time.After(silentAfter + time.Second)
	if a.link.restart.generationNow() != 0 || len(a.restarting) > 0 {
		t.Error("a suspended link looks for a path")
	}
	stop := talking(t, a, b)
	b.link.SetPatient(false)
	a.link.SetPatient(false)
	began := time.Now()
	anew(a, b, 1)
	t.Logf("a new path after %v", time.Since(began))
	stop()
}
