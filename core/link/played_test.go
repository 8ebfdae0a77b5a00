package link

import (
	"bytes"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"unityp2p/core/wire"
)

// played is a link whose channels are played in synctest's time, in place of pion's:
// it may be lossy for hours, and nothing of it depends on the machine.
type played struct {
	*Link
	t *testing.T

	mu    sync.Mutex
	came  [][]byte // reliable messages
	news  int      // unreliable messages
	sent  int      // cost that came back
	asked func(Message)
}

// way is what happens to packets in one direction.
type way struct {
	random *rand.Rand // the writer's
	free   time.Time  // the writer's: when all that was sent has passed

	mu  sync.Mutex
	now weather
}

// weather is what changes on a way.
type weather struct {
	delay   time.Duration
	rate    float64 // bytes a second that pass; 0: all
	loss    float64
	double  float64 // on the unreliable channel
	disturb float64 // are late by up to a second, there
	dark    bool
}

func (w *way) set(now weather) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = now
}

// passed returns when n bytes more have passed.
func (w *way) passed(n int, rate float64) time.Time {
	now := time.Now()
	if rate == 0 {
		return now
	}
	if w.free.Before(now) {
		w.free = now
	}
	n += 100 * (1 + n/datagram) // heads
	w.free = w.free.Add(time.Duration(float64(n) / rate * float64(time.Second)))
	return w.free
}

func (w *way) weather() weather {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (p *played) Signal(*Link, wire.Negotiation) {}
func (p *played) Admit(*Link) (bool, Reason)     { return true, 0 }
func (p *played) Up(*Link)                       {}
func (p *played) Control(*Link, wire.Control)    {}
func (p *played) Reach(*Link, bool)              {}
func (p *played) Down(*Link, Reason)             {}
func (p *played) Moved(*Link)                    {}
func (p *played) Restarting(*Link, bool)         {}
func (p *played) Restart(*Link, []byte)          {}

func (p *played) Sent(_ *Link, reliable bool, cost int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if reliable {
		p.sent += cost
	}
}

func (p *played) Messages(l *Link, messages []Message) {
	p.mu.Lock()
	total := 0
	for _, m := range messages {
		if p.asked != nil {
			p.asked(m)
		}
		if !m.Reliable {
			p.news++
			continue
		}
		p.came = append(p.came, bytes.Clone(m.Data))
		total += int(cost(len(m.Data)))
	}
	p.mu.Unlock()
	l.Release(total)
}

// playPair makes an open pair of links. It is for a bubble of synctest.
func playPair(t *testing.T, engine *Engine, copies bool, ways [2]*way) (a, b *played, end func()) {
	pair := [2]*played{}
	for i := range pair {
		p := &played{t: t}
		p.Link = &Link{
			engine: engine, handler: p, own: true, copies: copies, started: time.Now(),
			maxReliable: wire.MaxReliableMessage, maxUnreliable: wire.MaxUnreliableMessage,
			end: make(chan Reason, 1),
		}
		p.incoming.link = p.Link
		p.out.init(engine.options.SendBuffer)
		p.in.init(engine.options.ReceiveBuffer)
		pair[i] = p
	}
	closed := make(chan struct{})
	for kind := range channelCount {
		var streams [2]*playedStream
		for i := range streams {
			streams[i] = &playedStream{kind: kind, way: ways[i], in: make(chan []byte, 1<<16), closed: closed}
			pair[i].channels[kind] = &channel{kind: kind, stream: streams[i]}
		}
		streams[0].other, streams[1].other = streams[1], streams[0]
	}
	var writers sync.WaitGroup
	for i, p := range pair {
		p.out.open(pair[1-i].in.grant())
		p.touch()
		p.read()
		writers.Go(p.write)
	}
	return pair[0], pair[1], func() {
		for _, p := range pair {
			p.out.close()
		}
		close(closed)
		writers.Wait()
		for _, p := range pair {
			p.in.close()
			p.in.readers.Wait()
		}
	}
}

// playedStream does as SCTP does: what is lost of a reliable channel it sends again
// after a round trip and a half, and from then on once a second.
type playedStream struct {
	kind   int
	way    *way
	other  *playedStream
	in     chan []byte
	rest   []byte // what did not fit
	closed chan struct{}

	mu        sync.Mutex
	held      uint64
	threshold uint64
	low       func()
	last      time.Time // when the last reliable packet arrives
	kinds     [8]int    // packets sent of each kind
}

func (s *playedStream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kind != control {
		s.kinds[p[0]&7]++
	}
	s.held += uint64(len(p))
	w, now := s.way, s.way.weather()
	passed := w.passed(len(p), now.rate).Add(now.delay)
	if s.kind == unreliable {
		lost := now.dark || w.random.Float64() < now.loss
		if !lost {
			s.deliver(p, time.Until(passed)+w.disturbance(now))
			if w.random.Float64() < now.double {
				s.deliver(p, time.Until(passed)+w.disturbance(now))
			}
		}
		s.acknowledge(len(p), time.Until(passed)+now.delay)
		return len(p), nil
	}
	arrival := passed
	for try := 0; now.dark || w.random.Float64() < now.loss; try++ {
		if arrival = arrival.Add(time.Second); try == 0 {
			arrival = arrival.Add(2*now.delay + 25*time.Millisecond - time.Second)
		}
		if now.dark && try > 3 {
			break
		}
	}
	if !arrival.After(s.last) {
		arrival = s.last.Add(time.Nanosecond)
	}
	s.last = arrival
	s.deliver(p, time.Until(arrival))
	s.acknowledge(len(p), time.Until(arrival)+now.delay)
	return len(p), nil
}

func (w *way) disturbance(now weather) time.Duration {
	if w.random.Float64() >= now.disturb {
		return 0
	}
	return time.Duration(w.random.Int64N(int64(time.Second)))
}

func (s *playedStream) deliver(p []byte, after time.Duration) {
	p = bytes.Clone(p)
	time.AfterFunc(after, func() {
		select {
		case s.other.in <- p:
		case <-s.closed:
		}
	})
}

func (s *playedStream) acknowledge(n int, after time.Duration) {
	time.AfterFunc(after, func() {
		s.mu.Lock()
		before := s.held
		s.held -= uint64(n)
		low := before > s.threshold && s.held <= s.threshold
		f := s.low
		s.mu.Unlock()
		if low && f != nil {
			f()
		}
	})
}

func (s *playedStream) Read(p []byte) (int, error) {
	next := s.rest
	if next == nil {
		select {
		case next = <-s.in:
		case <-s.closed:
			return 0, io.EOF
		}
	}
	s.rest = nil
	if len(next) > len(p) {
		s.rest = next
		return len(next), io.ErrShortBuffer
	}
	return copy(p, next), nil
}

func (s *playedStream) BufferedAmount() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

func (s *playedStream) OnBufferedAmountLow(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.low = f
}

func (s *playedStream) SetBufferedAmountLowThreshold(threshold uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.threshold = threshold
}

func (s *playedStream) SetReadDeadline(time.Time) error { return nil }

// packets returns how many packets of a kind were sent on a channel.
func (p *played) packets(channel int, kind wire.PacketKind) int {
	s := p.channels[channel].stream.(*playedStream)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kinds[kind]
}
