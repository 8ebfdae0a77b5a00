//go:build linux

package game

import (
	"context"
	"errors"
	"sync"
	"time"

	"unityp2p/core"
)

// pair is this player and another, as long as they are connected.
type pair struct {
	room   *core.Room
	says   *speaker
	conn   core.ConnID
	member string

	stop    context.CancelFunc // of what is being sent
	sending sync.WaitGroup

	mu         sync.Mutex
	reliable   flow
	unreliable flow
	any        silence
	seen       [8192]uint64 // numbers of unreliable messages, each at its rest
	broken     bool
}

// flow is one channel.
type flow struct {
	out       chain // the sender's
	in        chain
	sent, got uint64
	late      uint64
	latencies histogram
	silence   silence
}

// silence is the time since something came.
type silence struct{ last time.Duration }

func newPair(room *core.Room, says *speaker, e core.Event) *pair {
	return &pair{room: room, says: says, conn: e.Conn, member: e.Member.String(), stop: func() {}}
}

// traffic is what is sent: so many a second, of so many bytes.
type traffic struct{ reliableRate, reliableSize, unreliableRate, unreliableSize int }

// play sends until the context ends or rest is called, and counts anew.
func (p *pair) play(ctx context.Context, t traffic) {
	p.rest()
	p.mu.Lock()
	p.reliable.begin()
	p.unreliable.begin()
	p.any = silence{}
	p.mu.Unlock()
	ctx, p.stop = context.WithCancel(ctx)
	for _, f := range []struct {
		flow       *flow
		rate, size int
	}{{&p.reliable, t.reliableRate, t.reliableSize}, {&p.unreliable, t.unreliableRate, t.unreliableSize}} {
		if f.rate != 0 {
			p.sending.Go(func() { p.send(ctx, f.flow, f.rate, f.size) })
		}
	}
}

func (f *flow) begin() { f.late, f.latencies, f.silence = 0, histogram{}, silence{} }

// rest ends what play began.
func (p *pair) rest() {
	p.stop()
	p.sending.Wait()
}

// full is how long to wait when the room takes no more.
const full = 5 * time.Millisecond

func (p *pair) send(ctx context.Context, f *flow, rate, size int) {
	every := full
	if rate > 0 {
		every = time.Second / time.Duration(rate)
	}
	// A player who stood still does not catch up, as no game does.
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	message := make([]byte, size)
	for {
		for err := p.one(f, message); rate < 0 && err == nil && ctx.Err() == nil; {
			err = p.one(f, message)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// one sends one message, whose number is not used up if the room does not take it.
func (p *pair) one(f *flow, message []byte) error {
	out := f.out.next(message, Now(), f == &p.reliable)
	if err := p.room.Send(p.conn, message, f == &p.reliable); err != nil {
		return err
	}
	f.out = out
	p.mu.Lock()
	f.sent++
	p.mu.Unlock()
	return nil
}

// take checks and times a message that came.
func (p *pair) take(message []byte, reliable bool) {
	now := Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	f, name := &p.unreliable, Unreliable
	if reliable {
		f, name = &p.reliable, Reliable
	}
	number, sent, err := f.in.accept(message, reliable)
	if err == nil && !reliable && p.again(number) {
		err = errTwice
	}
	if err != nil {
		if !p.broken {
			p.says.say(Line{Event: Broken, Member: p.member, Channel: name, Text: err.Error()})
		}
		p.broken = true
		return
	}
	f.got++
	f.latencies.add(now - sent)
	if now-sent > time.Second {
		f.late++
	}
	p.heard(&f.silence, name, now)
	p.heard(&p.any, Any, now)
}

var errTwice = errors.New("an unreliable message came twice")

// again reports whether an unreliable message came before. What is too old to tell
// counts as new.
func (p *pair) again(number uint64) bool {
	at := &p.seen[number%uint64(len(p.seen))]
	if *at >= number {
		return *at == number
	}
	*at = number
	return false
}

func (p *pair) heard(s *silence, channel string, now time.Duration) {
	if s.last != 0 && now-s.last > ShortestGap {
		p.says.say(Line{Event: Gap, Member: p.member, Channel: channel, From: s.last, At: now})
	}
	s.last = now
}

// since is until when both channels had been heard.
func (p *pair) since() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(p.reliable.silence.last, p.unreliable.silence.last)
}

// report says how it went so far.
func (p *pair) report(s core.Stats) Pair {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Pair{
		Path: s.Path.String(), Local: s.LocalCandidate, Remote: s.RemoteCandidate,
		Connecting: s.Connecting, RTT: s.RTT, Dropped: s.Dropped,
		Reliable: p.reliable.report(), Unreliable: p.unreliable.report(),
	}
}

func (f *flow) report() Flow {
	h := &f.latencies
	return Flow{
		Sent: f.sent, Got: f.got, Counted: h.total, Late: f.late, Max: h.most,
		P50: h.percentile(50), P95: h.percentile(95), P99: h.percentile(99),
	}
}
