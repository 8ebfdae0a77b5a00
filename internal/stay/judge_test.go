//go:build linux

package stay

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"unityp2p/internal/game"
)

// steady waits until everybody has heard everybody since a time, on both channels,
// and goes on to.
func (w *town) steady(since time.Duration) {
	w.Helper()
	w.all(fmt.Sprintf("%s %d", game.Steady, since))
	for _, p := range w.players {
		if text := p.hear(game.Steady).Text; text != "" {
			w.unbroken()
			w.Fatalf("%s: %s", p.name, text)
		}
	}
}

// lines are all of a kind that the player has said.
func (p *player) lines(event string) []game.Line {
	p.town.Helper()
	var all []game.Line
	for _, text := range p.Lines() {
		if strings.Contains(text, `"Event":"`+event+`"`) {
			all = append(all, p.town.line(text))
		}
	}
	return all
}

// silence is the longest that the player heard nothing of another on a channel
// once the network was back.
func (p *player) silence(of *player, channel string, back time.Duration) (longest time.Duration) {
	p.town.Helper()
	for _, gap := range p.lines(game.Gap) {
		if gap.Member == of.id && gap.Channel == channel {
			longest = max(longest, gap.At-max(gap.From, back))
		}
	}
	return longest
}

// unbroken fails the test if anybody heard what must not be, or lost somebody.
func (w *town) unbroken() {
	w.Helper()
	for _, p := range w.players {
		for _, event := range []string{game.Broken, game.Failed, "disconnected"} {
			for _, l := range p.lines(event) {
				w.Errorf("%s: %s, of %s: %s", p.name, l.Event, w.name(l.Member), l.Text)
			}
		}
	}
}

// chronicle is what everybody said of others, longer silences among it, by time.
func (w *town) chronicle(began time.Duration) string {
	w.Helper()
	type entry struct {
		at   time.Duration
		text string
	}
	var all []entry
	for _, p := range w.players {
		for _, event := range []string{"open", "trouble", "connected", "disconnected", "unreachable", "reachable", "changed", game.Log, game.Gap, game.Broken, game.Failed} {
			for _, l := range p.lines(event) {
				text := fmt.Sprintf("%s: %s %s %s", p.name, l.Event, w.name(l.Member), l.Text)
				if event == game.Gap {
					if l.Channel != game.Any || l.At-l.From < single {
						continue
					}
					text += fmt.Sprintf("of %.2f s", (l.At - l.From).Seconds())
				}
				all = append(all, entry{l.At, text})
			}
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return int(a.at - b.at) })
	var b strings.Builder
	for _, e := range all {
		fmt.Fprintf(&b, "%8.2f s: %s\n", (e.at - began).Seconds(), e.text)
	}
	return b.String()
}

// name is whose id it is.
func (w *town) name(member string) string {
	for _, p := range w.players {
		if p.id == member {
			return p.name
		}
	}
	return ""
}

// weigh is how much everybody has of everything, at rest.
func (w *town) weigh() []game.Line {
	w.Helper()
	var weights []game.Line
	for _, p := range w.players {
		weights = append(weights, p.ask(game.Measure))
	}
	return weights
}

// What a link may have more of than before: another way has more or fewer sockets.
const (
	moreGoroutines = 8
	moreHeap       = 1 << 20
)

// ungrown waits until nobody has much more than before.
func (w *town) ungrown(before []game.Line) {
	w.Helper()
	links := len(w.players) - 1
	for end := time.Now().Add(patience); ; time.Sleep(500 * time.Millisecond) {
		grown := ""
		for i, after := range w.weigh() {
			was := before[i]
			if after.Goroutines > was.Goroutines+links*moreGoroutines || after.Heap > was.Heap+uint64(links)*moreHeap {
				grown = fmt.Sprintf("%s had %d goroutines and a heap of %d KiB, and has %d and %d",
					w.players[i].name, was.Goroutines, was.Heap>>10, after.Goroutines, after.Heap>>10)
			}
		}
		if grown == "" {
			return
		}
		if time.Now().After(end) {
			w.Error(grown)
			return
		}
	}
}

// rounded is a duration for a table.
func rounded(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
