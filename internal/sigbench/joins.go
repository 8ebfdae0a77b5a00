package sigbench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	joinMessages = 10 // each way
	joiners      = 64 // so many join at once, at most
	flatJoiners  = 16 // when they do so flat out
)

// exchange passes messages to and fro over a link, each when the one before has
// come, as negotiations do.
func exchange(host, guest *client) error {
	for range joinMessages {
		if err := guest.send(); err != nil {
			return err
		}
		if _, err := host.get(); err != nil {
			return err
		}
		if err := host.send(); err != nil {
			return err
		}
		if _, err := guest.get(); err != nil {
			return err
		}
	}
	return nil
}

// join is what a player's coming costs the server: two sockets, a link, messages
// both ways, and their end.
func (c *clients) join(ctx context.Context) error {
	host, guest, err := c.pair(ctx)
	if err != nil {
		return err
	}
	defer host.close()
	defer guest.close()
	return exchange(host, guest)
}

// joinAll makes n joins, rate of them in a second (0: as fast as it goes), and
// returns how long that took. One that is late is not made up for by others that
// come all at once.
func (c *clients) joinAll(ctx context.Context, n, rate, most int) (time.Duration, error) {
	var failed atomic.Value
	var running sync.WaitGroup
	slots := make(chan struct{}, most)
	began := time.Now()
	next := began
	for i := 0; i < n && failed.Load() == nil; i++ {
		if rate > 0 {
			if err := pause(ctx, time.Until(next)); err != nil {
				return 0, err
			}
			next = next.Add(time.Second / time.Duration(rate))
			if late := time.Now(); next.Before(late) {
				next = late
			}
		}
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			if err := c.join(ctx); err != nil {
				failed.CompareAndSwap(nil, fmt.Errorf("join %d: %w", i, err))
			}
		})
	}
	running.Wait()
	took := time.Since(began)
	if err, ok := failed.Load().(error); ok {
		return 0, err
	}
	return took, nil
}

// measureJoins makes joins at a rate, then flat out.
func measureJoins(ctx context.Context, o Options, s Server) ([]Figure, error) {
	p, err := start(ctx, s)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	c := newClients(p, s)
	if err := c.warmUp(ctx); err != nil {
		return nil, err
	}
	var figures []Figure
	for _, way := range []struct {
		name       string
		rate, most int
	}{{fmt.Sprintf("joins at %d/s", o.Rate), o.Rate, joiners}, {"joins flat out", 0, flatJoiners}} {
		o.say("%s: %d %s", s.Name, o.Joins, way.name)
		before, err := p.cpu()
		if err != nil {
			return nil, err
		}
		took, err := c.joinAll(ctx, o.Joins, way.rate, way.most)
		if err != nil {
			return nil, err
		}
		after, err := p.cpu()
		if err != nil {
			return nil, err
		}
		figures = append(figures,
			Figure{Row: way.name + ", CPU of 1000", Unit: "ms", Value: float64((after - before).Milliseconds()) * 1000 / float64(o.Joins)},
			Figure{Row: way.name + ", achieved", Unit: "1/s", Value: float64(o.Joins) / took.Seconds()})
	}
	return figures, nil
}
