package badnet

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Conditions are what happens to datagrams. The zero value is: nothing.
type Conditions struct {
	Send, Receive Path

	// Seed makes chance repeat itself: the same datagrams meet the same fate. 0:
	// something new each time.
	Seed uint32
}

// Path is one direction. Chances are percentages, from 0 to 100, of datagrams.
type Path struct {
	Latency time.Duration // every datagram is late by this; at most 10 s
	Jitter  time.Duration // and by up to this more, without overtaking another; at most 10 s

	Loss        float64 // lost; 100: nothing passes
	Duplication float64 // arrive twice
	Reordering  float64 // held back for 50 ms more, so that later ones overtake them

	// Rate is what passes, in kilobits (1000 bits) a second, headers of IP and UDP
	// included; 0: no limit. Datagrams that would have to wait for longer than
	// half a second are lost, as in a router whose queue is full.
	Rate int
}

// Bounds of a Path.
const (
	MostDelay = 10 * time.Second
	MostRate  = 10_000_000
)

// Check refuses what makes no sense.
func (c Conditions) Check() error {
	if err := c.Send.check(); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	if err := c.Receive.check(); err != nil {
		return fmt.Errorf("receiving: %w", err)
	}
	return nil
}

func (p Path) check() error {
	for _, f := range []struct {
		name string
		v    time.Duration
	}{{"latency", p.Latency}, {"jitter", p.Jitter}} {
		if f.v < 0 || f.v > MostDelay {
			return fmt.Errorf("the %s is %v; 0 to %v are allowed", f.name, f.v, MostDelay)
		}
	}
	for _, f := range []struct {
		name string
		v    float64
	}{{"loss", p.Loss}, {"duplication", p.Duplication}, {"reordering", p.Reordering}} {
		if !(f.v >= 0 && f.v <= 100) { // so that NaN is refused too
			return fmt.Errorf("the %s is %v; 0 to 100 percent are allowed", f.name, f.v)
		}
	}
	if p.Rate < 0 || p.Rate > MostRate {
		return fmt.Errorf("the rate is %d kbit/s; 0 to %d are allowed", p.Rate, MostRate)
	}
	return nil
}

// Network is the network that some sockets share. The zero value is a good one.
type Network struct {
	now     atomic.Pointer[Conditions] // nil: good
	sockets atomic.Uint64              // counted, so that each has chances of its own
}

// Set changes the network, from the next datagram on. What is under way arrives
// as it was going to.
func (n *Network) Set(c Conditions) error {
	if err := c.Check(); err != nil {
		return err
	}
	if c.Send == (Path{}) && c.Receive == (Path{}) {
		n.now.Store(nil)
		return nil
	}
	n.now.Store(&c)
	return nil
}
