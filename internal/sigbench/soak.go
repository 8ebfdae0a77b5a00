package sigbench

import (
	"context"
	"fmt"
	"time"
)

// Soaked is what Soak saw.
type Soaked struct {
	PerPeer float64       // bytes of resident memory for each idle peer, after the joins
	Took    time.Duration // for the joins
}

// Soak holds idle peers while others join, rate of them a second, and fails if
// any join fails or any idle peer is lost. Memory is looked at for as long as
// settle says, and the least counts: garbage is given back when things are calm.
func Soak(ctx context.Context, s Server, peers, joins, rate int, settle time.Duration) (Soaked, error) {
	p, err := start(ctx, s)
	if err != nil {
		return Soaked{}, err
	}
	defer p.stop()
	c := newClients(p, s)
	if err := c.warmUp(ctx); err != nil {
		return Soaked{}, err
	}
	before, err := p.resident()
	if err != nil {
		return Soaked{}, err
	}
	h, err := c.gather(ctx, peers)
	if err != nil {
		return Soaked{}, err
	}
	defer h.leave()
	took, err := c.joinAll(ctx, joins, rate, joiners)
	if err != nil {
		return Soaked{}, err
	}
	held, err := p.least(ctx, settle)
	if err != nil {
		return Soaked{}, err
	}
	if err := h.whole(); err != nil {
		return Soaked{}, err
	}
	return Soaked{PerPeer: float64(held-before) / float64(peers), Took: took}, nil
}

// least returns the least memory that the server occupies within a time.
func (p *process) least(ctx context.Context, within time.Duration) (int64, error) {
	least, err := p.resident()
	for end := time.Now().Add(within); err == nil && time.Now().Before(end); {
		if err := pause(ctx, time.Second); err != nil {
			return 0, err
		}
		var now int64
		if now, err = p.resident(); err == nil {
			least = min(least, now)
		}
	}
	return least, err
}

// whole returns an error if any of the herd is lost.
func (h *herd) whole() error {
	n := h.ended.Load()
	if n == 0 {
		return nil
	}
	why, _ := h.why.Load().(error)
	return fmt.Errorf("%d of %d idle sockets ended: %w", n, len(h.them), why)
}
