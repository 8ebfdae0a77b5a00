package sigbench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// dialers is how many open idle sockets at once.
const dialers = 16

// herd are idle sockets.
type herd struct {
	them    []*client
	running sync.WaitGroup
	ended   atomic.Int64 // before they were told to
	why     atomic.Value // error
	leaving atomic.Bool
}

// gather opens n sockets that do nothing but answer pings.
func (c *clients) gather(ctx context.Context, n int) (*herd, error) {
	h := &herd{them: make([]*client, n)}
	var next atomic.Int64
	var failed atomic.Value
	var opening sync.WaitGroup
	for range dialers {
		opening.Go(func() {
			for i := next.Add(1); i <= int64(n) && failed.Load() == nil; i = next.Add(1) {
				p, err := c.dial(ctx)
				if err != nil {
					failed.CompareAndSwap(nil, fmt.Errorf("socket %d of %d: %w", i, n, err))
					return
				}
				h.them[i-1] = p
				h.running.Go(func() { h.watch(p) })
			}
		})
	}
	opening.Wait()
	if err, ok := failed.Load().(error); ok {
		h.leave()
		return nil, err
	}
	return h, nil
}

func (h *herd) watch(p *client) {
	if err := p.idle(); !h.leaving.Load() {
		h.ended.Add(1)
		h.why.CompareAndSwap(nil, fmt.Errorf("held: %w", err))
	}
}

// leave closes them all.
func (h *herd) leave() {
	h.leaving.Store(true)
	for _, p := range h.them {
		if p != nil {
			p.close()
		}
	}
	h.running.Wait()
}

// measureIdle holds idle peers and sees what each costs in memory, and what is
// left of that when they have gone.
func measureIdle(ctx context.Context, o Options, s Server, peers int) ([]Figure, error) {
	p, err := start(ctx, s)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	c := newClients(p, s)
	// What the server needs for its first sockets is not what one more costs.
	if err := c.warmUp(ctx); err != nil {
		return nil, err
	}
	before, err := p.resident()
	if err != nil {
		return nil, err
	}
	o.say("%s: opening %d idle sockets", s.Name, peers)
	h, err := c.gather(ctx, peers)
	if err != nil {
		return nil, err
	}
	defer h.leave()
	o.say("%s: holding them for %v", s.Name, o.Hold)
	if err := pause(ctx, o.Hold); err != nil {
		return nil, err
	}
	held, err := p.resident()
	if err != nil {
		return nil, err
	}
	if err := h.whole(); err != nil {
		return nil, err
	}
	h.leave()
	left, err := p.settle(ctx, before, held, o.Leave)
	if err != nil {
		return nil, err
	}
	of := fmt.Sprintf("%d idle peers", peers)
	return []Figure{
		{Row: of + ", memory of each", Unit: "KB", Value: float64(held-before) / float64(peers) / 1024},
		{Row: of + ", left when they have gone", Unit: "MB", Value: float64(left-before) / (1 << 20)},
	}, nil
}

// settle waits until nine tenths of the memory that was held are given back, or
// time is over, and returns what is left.
func (p *process) settle(ctx context.Context, before, held int64, most time.Duration) (int64, error) {
	left := held
	for end := time.Now().Add(most); left-before > (held-before)/10 && time.Now().Before(end); {
		if err := pause(ctx, time.Second); err != nil {
			return 0, err
		}
		now, err := p.resident()
		if err != nil {
			return 0, err
		}
		left = min(left, now)
	}
	return left, nil
}

// warmUp lets some come and go.
func (c *clients) warmUp(ctx context.Context) error {
	for range 20 {
		host, guest, err := c.pair(ctx)
		if err != nil {
			return fmt.Errorf("warming up: %w", err)
		}
		err = exchange(host, guest)
		host.close()
		guest.close()
		if err != nil {
			return fmt.Errorf("warming up: %w", err)
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
