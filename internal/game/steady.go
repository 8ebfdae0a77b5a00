//go:build linux

package game

import (
	"fmt"
	"strconv"
	"time"
)

// What Steady means: nobody silent for longer than quiet, for so long.
const (
	steadyFor = 3 * time.Second
	quiet     = time.Second
	look      = 50 * time.Millisecond // so often
)

// awaitSteady answers, when it is so, that everybody is heard on both channels
// again; or at once, with a text, that somebody is gone.
func (p *player) awaitSteady(text string) error {
	since, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("steady since when: %w", err)
	}
	p.mu.Lock()
	all := len(p.pairs)
	p.mu.Unlock()
	p.waiting.Go(func() {
		ticker := time.NewTicker(look)
		defer ticker.Stop()
		for good := Now(); ; {
			select {
			case <-ticker.C:
			case <-p.ctx.Done():
				return
			}
			here, heard := p.heard(time.Duration(since))
			switch now := Now(); {
			case here < all:
				p.says.say(Line{Event: Steady, Text: "somebody is gone"})
				return
			case heard < all:
				good = now
			case now-good >= steadyFor:
				p.says.say(Line{Event: Steady})
				return
			}
		}
	})
	return nil
}

// heard counts who is here, and who of them is heard since a time and now.
func (p *player) heard(since time.Duration) (here, heard int) {
	now := Now()
	p.each(func(pair *pair) {
		here++
		if last := pair.since(); last > since && now-last < quiet {
			heard++
		}
	})
	return here, heard
}
