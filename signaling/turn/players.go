package turn

import (
	"sync"

	"golang.org/x/time/rate"
)

// players knows who relays how much.
type players struct {
	most, mostEach int
	rate           rate.Limit

	mu    sync.Mutex
	count int
	by    map[string]*player
}

// player is whoever has the same credentials.
type player struct {
	relays int
	limit  *rate.Limiter
}

// burst is how much a player's relays may carry at once, beyond its rate: a
// second's worth.
func (p *players) burst() int { return max(int(p.rate), 64<<10) }

// begin counts a relay. It returns why there must not be one more, or "".
func (p *players) begin(name string) (*player, RelayRefusal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count >= p.most {
		return nil, RefusedFull
	}
	who := p.by[name]
	if who == nil {
		who = &player{limit: rate.NewLimiter(p.rate, p.burst())}
		p.by[name] = who
	}
	if who.relays >= p.mostEach {
		return nil, RefusedPlayer
	}
	who.relays++
	p.count++
	return who, ""
}

func (p *players) end(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	who := p.by[name]
	if who == nil {
		return
	}
	p.count--
	if who.relays--; who.relays == 0 {
		delete(p.by, name)
	}
}
