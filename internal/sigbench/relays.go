package sigbench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	relayPairs = 20
	relayRate  = 2000 // messages a second, for latency
)

// measureRelays passes messages between pairs: at a rate that leaves the
// machine idle most of the time, for latency; then as fast as answers come, for
// processor time.
func measureRelays(ctx context.Context, o Options, s Server) ([]Figure, error) {
	p, err := start(ctx, s)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	c := newClients(p, s)
	pairs := make([]pair, relayPairs)
	for i := range pairs {
		host, guest, err := c.pair(ctx)
		if err != nil {
			return nil, err
		}
		defer host.close()
		defer guest.close()
		pairs[i] = pair{host: host, guest: guest}
	}
	o.say("%s: %d messages at %d/s", s.Name, o.Relays/10, relayRate)
	times, err := relayAll(ctx, pairs, o.Relays/10, relayRate)
	if err != nil {
		return nil, err
	}
	o.say("%s: %d messages flat out", s.Name, o.Relays)
	before, err := p.cpu()
	if err != nil {
		return nil, err
	}
	if _, err := relayAll(ctx, pairs, o.Relays, 0); err != nil {
		return nil, err
	}
	after, err := p.cpu()
	if err != nil {
		return nil, err
	}
	return []Figure{
		{Row: "relay, p50", Unit: "us", Value: micro(percentile(times, 50))},
		{Row: "relay, p99", Unit: "us", Value: micro(percentile(times, 99))},
		{Row: "relays flat out, CPU of a million", Unit: "s", Value: (after - before).Seconds() * 1e6 / float64(o.Relays)},
	}, nil
}

// pair are two that are linked.
type pair struct {
	host, guest *client
	times       []time.Duration
}

// relayAll lets all pairs pass n messages to and fro, rate of them a second in
// all (0: as fast as it goes), and returns how long each was on its way.
func relayAll(ctx context.Context, pairs []pair, n, rate int) ([]time.Duration, error) {
	var running sync.WaitGroup
	each := n / len(pairs)
	errs := make([]error, len(pairs))
	for i := range pairs {
		running.Go(func() {
			pairs[i].times = make([]time.Duration, 0, each)
			offset := time.Duration(0)
			if rate > 0 {
				offset = time.Second * time.Duration(i) / time.Duration(rate)
			}
			errs[i] = pairs[i].relay(ctx, each, rate/len(pairs), offset)
		})
	}
	running.Wait()
	var times []time.Duration
	for i := range pairs {
		if errs[i] != nil {
			return nil, fmt.Errorf("pair %d: %w", i, errs[i])
		}
		times = append(times, pairs[i].times...)
	}
	slices.Sort(times)
	return times, nil
}

func (p *pair) relay(ctx context.Context, n, rate int, offset time.Duration) error {
	next := time.Now().Add(offset)
	for i := range n {
		if rate > 0 {
			if err := pause(ctx, time.Until(next)); err != nil {
				return err
			}
			next = next.Add(time.Second / time.Duration(rate))
		}
		from, to := p.host, p.guest
		if i%2 == 0 {
			from, to = to, from
		}
		if err := from.send(); err != nil {
			return err
		}
		took, err := to.get()
		if err != nil {
			return err
		}
		p.times = append(p.times, took)
	}
	return nil
}

// percentile returns the value below which so many percent of sorted times are.
func percentile(sorted []time.Duration, percent int) time.Duration {
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)]
}

func micro(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
