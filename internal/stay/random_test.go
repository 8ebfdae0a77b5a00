//go:build linux

package stay

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"unityp2p/internal/game"
	"unityp2p/internal/netlab"
)

// overlapping is how long 95 of 100 silences may last while the network is good,
// when whatever can happen happens to several at a time.
const overlapping = 5 * time.Second

// Random things happen to the networks of four who play, several at a time, for
// two minutes or UNITYP2P_STAY. Nobody leaves, every reliable message arrives once
// and in order, and nothing grows. The seed is UNITYP2P_SEED, or is logged.
func TestRandomNetworkEvents(t *testing.T) {
	t.Parallel()
	length := 2 * time.Minute
	if text := os.Getenv("UNITYP2P_STAY"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	w := newTown(t)
	t.Logf("UNITYP2P_SEED=%d", w.lab.Seed())
	for i, home := range []netlab.Home{restricted, {NAT: netlab.FullCone}, restricted, symmetric} {
		name := [...]string{"host", "first client", "second client", "third client"}[i]
		r := w.home(name, home)
		w.enter(name, r.Host(name), game.Config{ICEServers: w.turn(), DisconnectAfter: time.Minute}).home = r
	}
	w.all(game.Play)
	w.steady(game.Now())
	w.settle()
	before := w.weigh()

	w.all(game.Play)
	w.steady(game.Now())
	h := w.disturb(length)
	var longest time.Duration
	defer func() {
		if t.Failed() || longest > 2*overlapping {
			t.Logf("what happened:\n%v\nwhat they saw:\n%s", h, w.chronicle(h.began))
		}
	}()
	w.steady(game.Now())
	w.settle()
	w.unbroken()
	w.ungrown(before)

	h.describe(game.Reliable)
	silences := h.describe(game.Any)
	longest = percentile(silences, 100)
	most := overlapping
	if !strict {
		most = 4*most + 5*time.Second
	}
	if got := percentile(silences, 95); got > most {
		t.Errorf("95 %% of the silences lasted up to %v, want at most %v", got, most)
	}
}

// describe logs how long anybody heard nothing of another on a channel, and
// returns it, sorted.
func (h *history) describe(channel string) (silences []time.Duration) {
	h.town.Helper()
	for _, p := range h.town.players {
		silences = append(silences, h.silences(p, channel)...)
	}
	slices.Sort(silences)
	h.town.Logf("%d silences (%s), with %d events; without the time that the networks were down: p50 %v p95 %v max %v",
		len(silences), channel, len(h.notes), rounded(percentile(silences, 50)),
		rounded(percentile(silences, 95)), rounded(percentile(silences, 100)))
	return silences
}

// percentile of what is sorted; 0 of nothing.
func percentile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*percent/100]
}

// history is what happened.
type history struct {
	town  *town
	began time.Duration

	mu    sync.Mutex
	notes []note
}

// note is one thing that happened, to somebody or (nil) to the signaling server.
type note struct {
	what        string
	who         *player
	from, until time.Duration
	down        bool // nothing got through meanwhile
}

// String is the chronicle.
func (h *history) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.SortFunc(h.notes, func(a, b note) int { return int(a.from - b.from) })
	var b strings.Builder
	for _, n := range h.notes {
		name := "signaling"
		if n.who != nil {
			name = n.who.name
		}
		fmt.Fprintf(&b, "%8.2f s to %8.2f s, at %d: %s: %s\n",
			(n.from - h.began).Seconds(), (n.until - h.began).Seconds(), n.from, name, n.what)
	}
	return b.String()
}

// disturb lets things happen for so long, and leaves the networks as they were.
func (w *town) disturb(length time.Duration) *history {
	w.Helper()
	h := &history{town: w, began: game.Now()}
	end := h.began + length
	var victims sync.WaitGroup
	for i, p := range w.players {
		random := rand.New(rand.NewPCG(w.lab.Seed(), uint64(i)))
		victims.Go(func() {
			for h.pause(random, 3*time.Second, 12*time.Second, end) {
				h.strike(p, random)
			}
		})
	}
	random := rand.New(rand.NewPCG(w.lab.Seed(), 1<<32))
	for h.pause(random, 10*time.Second, 30*time.Second, end) {
		n := note{what: "gone", from: game.Now(), down: true}
		w.killSignaling()
		time.Sleep(between(random, time.Second, 6*time.Second))
		w.openSignaling()
		h.add(n)
	}
	victims.Wait()
	return h
}

func between(random *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(random.Int64N(int64(most-least)))
}

// pause reports whether there is time for something more after it.
func (h *history) pause(random *rand.Rand, least, most, end time.Duration) bool {
	d := between(random, least, most)
	if game.Now()+d > end {
		return false
	}
	time.Sleep(d)
	return true
}

func (h *history) add(n note) {
	n.until = game.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notes = append(h.notes, n)
}

// strike lets one thing happen to somebody.
func (h *history) strike(p *player, random *rand.Rand) {
	n := note{who: p, from: game.Now(), down: true}
	port, length := p.on.Port(), between(random, time.Second, 6*time.Second)
	switch random.IntN(8) {
	case 0:
		n.what = "cut wire"
		restore := p.home.Uplink().Darken()
		time.Sleep(length)
		restore()
	case 1:
		n.what = "unplugged"
		port.Unplug()
		time.Sleep(length)
		port.Plug()
	case 2:
		n.what = "new address"
		port.Move()
	case 3:
		n.what = "unplugged, then a new address"
		port.Unplug()
		time.Sleep(length)
		port.Move()
	case 4:
		n.what = "router forgets"
		p.home.Forget()
	case 5:
		n.what = "router reboots"
		p.home.Reboot(length)
	case 6:
		n.what = "router's new address"
		p.home.Move()
	default:
		good, _ := p.home.Uplink().Conditions()
		bad := netlab.Conditions{
			Delay: good.Delay + between(random, 0, 60*time.Millisecond), Jitter: between(random, 0, 40*time.Millisecond),
			Loss: 0.1 * random.Float64(), Duplicate: 0.1 * random.Float64(), Reorder: 0.1 * random.Float64(),
		}
		n.what, n.down = fmt.Sprintf("bad wire: %+v", bad), false
		p.home.Uplink().Set(bad)
		time.Sleep(2 * length)
		p.home.Uplink().Set(good)
	}
	h.add(n)
}

// silences are how long the player heard nothing of others on a channel, each
// without the time in which nothing could get through, or a new way be agreed on.
func (h *history) silences(p *player, channel string) (all []time.Duration) {
	for _, gap := range p.lines(game.Gap) {
		if gap.Channel != channel {
			continue
		}
		touched := false
		var down []note
		for _, n := range h.notes {
			if n.who != nil && n.who != p && n.who.id != gap.Member || n.until < gap.From || n.from > gap.At {
				continue
			}
			touched = true
			if n.down {
				down = append(down, n)
			}
		}
		if touched {
			all = append(all, gap.At-gap.From-covered(down, gap.From, gap.At))
		}
	}
	return all
}

// covered is how much of a time the notes cover together.
func covered(notes []note, from, until time.Duration) (sum time.Duration) {
	slices.SortFunc(notes, func(a, b note) int { return int(a.from - b.from) })
	for _, n := range notes {
		if end := min(n.until, until); end > from {
			sum += end - max(n.from, from)
			from = max(from, end)
		}
	}
	return sum
}
