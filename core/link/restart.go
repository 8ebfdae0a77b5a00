package link

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"unityp2p/core/wire"
)

// restarter makes the link's path anew when it is broken: an ICE restart (RFC 8445
// section 9), of which the two sides speak by messages that go any way but the link
// itself. What SCTP has not delivered goes over the new path.
//
// Pion closes the sockets of the old path when a restart begins. So none begins
// before a message shows that there is a way to agree on a new one: without, the
// old path may still come back by itself.
//
// Its fields are the supervisor's, but where it says otherwise.
type restarter struct {
	link   *Link
	keys   *wire.RestartKeys // nil: the other side knows no restarts. Constant from Up on
	usable atomic.Bool       // for pion's callbacks: keys is set
	proof  atomic.Int64      // the new path is proven by the answer to a ping of then; 0: it is

	came  chan wire.Restart // what the other side said
	nudge chan struct{}     // something of what follows
	clock *time.Timer
	due   time.Duration // when the clock is to ring

	mu      sync.Mutex // for those who nudge
	current uint64     // the generation whose candidates are being found
	found   []string   // they
	moved   bool       // the machine's addresses have changed
	waked   bool       // somebody slept: us
	ways    bool       // there is a new way to the other side
	newest  uint64     // the highest number of what the other side said

	told    bool          // the handler knows that we are at it
	asked   bool          // the other side needs one
	asking  time.Duration // since when we ask whether it hears us; 0: we do not
	contact time.Duration // when something new came from it
	hurried time.Duration // until when we try more often

	generation uint64        // of the path
	began      time.Duration // when its restart did; 0: it is done
	last       time.Duration // when the last one began
	connected  time.Duration // when it had a pair of addresses; 0: not yet
	described  bool          // the other side's part of it is known
	offering   bool          // pion waits for the answer to an offer
	taken      int           // the other side's candidates that pion knows
	pace       *rate.Limiter // how often there may be another

	judgement
	better
	talk
}

// Times of a restart.
const (
	lookAgain    = 250 * time.Millisecond
	roundTime    = 4 * time.Second         // for a restart, before the next …
	hurriedTime  = 1500 * time.Millisecond // … after a change of addresses, without an answer …
	relayTime    = 2500 * time.Millisecond // … and with one: a relay takes its time
	hurriedFor   = 15 * time.Second
	leastBetween = time.Second            // two restarts
	leastAnswers = 500 * time.Millisecond // between the other side's
	stoodStill   = time.Second            // the clock rang so late: we slept

	// A restart opens sockets and asks servers. So many may follow each other as fast
	// as above, which a change of addresses may take, then one in a roundTime: a peer
	// that always wants another gets no more.
	mostRestarts = 12
)

// cameQueue bounds what the other side may say before it is looked at. What is
// beyond is dropped, as on the way: it is said again.
const cameQueue = 16

func (r *restarter) init(l *Link) {
	r.link = l
	r.came = make(chan wire.Restart, cameQueue)
	r.nudge = make(chan struct{}, 1)
	r.clock = time.NewTimer(time.Hour)
	r.pace = rate.NewLimiter(rate.Every(roundTime), mostRestarts)
}

// begin lets the supervisor use what both hellos said.
func (r *restarter) begin(keys *wire.RestartKeys) {
	r.keys = keys
	r.source = r.link.source()
	r.usable.Store(true)
	r.clock.Reset(quietAfter)
	r.due = time.Since(r.link.started) + quietAfter
	r.settle(time.Since(r.link.started))
}

// Session names the link in restart messages; 0 if there are none for it. Valid
// from Up on.
func (l *Link) Session() uint64 {
	if l.restart.keys == nil {
		return 0
	}
	return l.restart.keys.Session
}

// Restart takes a restart message that came by any way. It reports whether the
// other side of this link has sealed it, and its number; 0 if the other side has
// said something newer, as whoever brings this may have kept it. Never blocks.
func (l *Link) Restart(sealed []byte) (number uint64, ok bool) {
	r := &l.restart
	if r.keys == nil {
		return 0, false
	}
	m, err := r.keys.Open(sealed, !l.offerer)
	if err != nil {
		return 0, false
	}
	select {
	case r.came <- m:
	default:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.Seq < r.newest {
		return 0, true
	}
	r.newest = m.Seq
	return m.Seq, true
}

// NewWay says that there may be a way to the other side that was not there before.
func (l *Link) NewWay() { l.restart.note(func(r *restarter) { r.ways = true }) }

// generationNow is the path's, for anybody.
func (r *restarter) generationNow() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

// note tells the supervisor of something. From any goroutine.
func (r *restarter) note(what func(*restarter)) {
	r.mu.Lock()
	what(r)
	r.mu.Unlock()
	select {
	case r.nudge <- struct{}{}:
	default:
	}
}

// ring is a look at the clock.
func (r *restarter) ring() {
	if r.keys == nil {
		return
	}
	if time.Since(r.link.started)-r.due > stoodStill {
		r.link.touch()
		r.check(time.Since(r.link.started))
	}
	r.step()
}

// nudged looks at what others noted.
func (r *restarter) nudged() {
	if r.keys == nil {
		return
	}
	now := time.Since(r.link.started)
	r.mu.Lock()
	moved, waked, ways := r.moved, r.waked, r.ways
	r.moved, r.waked, r.ways = false, false, false
	r.mu.Unlock()
	if moved {
		r.link.engine.options.Logger.Info("this machine's addresses have changed", "member", r.link.member)
		r.hurried = now + hurriedFor
		r.gone = r.began == 0 && r.source != "" && r.source != r.link.source()
	}
	if moved || waked {
		r.check(now)
	}
	if ways {
		r.sayAnew()
	}
	r.step()
}

// step does what is due, and sets the clock.
func (r *restarter) step() {
	l := r.link
	now := time.Since(l.started)
	r.judge(now)
	r.improve(now)
	r.advance(now)
	r.speak(now)
	if trouble := r.troubled(); trouble != r.told {
		r.told = trouble
		l.handler.Restarting(l, trouble)
	}
	wait := r.wait(now)
	r.due = now + wait
	r.clock.Reset(wait)
}

// troubled reports whether there is anything to do.
func (r *restarter) troubled() bool {
	return r.broken > 0 || r.asked || r.wanted > 0 || r.began > 0 || r.proof.Load() > 0
}

// prove makes sure that what is said on the control channel gets through: it may wait
// behind what was lost with the old path, until SCTP's timer rings.
func (r *restarter) prove(now time.Duration) {
	r.proof.Store(int64(now))
	r.link.ping(now)
}

// ponged takes the answer to a ping. From the reader.
func (r *restarter) ponged(token uint64) {
	if proof := r.proof.Load(); proof > 0 && token >= uint64(proof) && r.proof.CompareAndSwap(proof, 0) {
		r.note(func(*restarter) {})
	}
}

// watchRound follows a restart that has begun.
func (r *restarter) watchRound(now, heard time.Duration) {
	selected := r.link.pair() != nil
	if selected && r.connected == 0 {
		r.connected = now
		r.link.renewed.Store(int64(now))
		r.link.out.signal()
	}
	switch {
	case selected && heard > r.began:
		r.link.engine.options.Logger.Info("there is a new path", "member", r.link.member, "generation", r.generation, "after", now-r.began)
		r.source = r.link.source()
		r.rest()
		r.began, r.gone, r.asked = 0, false, false
		r.hush() // who is heard has heard what we said
		r.prove(now)
		r.settle(now)
	case now >= r.giveUpAt() && r.link.patient.Load():
		r.began = 0
	case now >= r.giveUpAt():
		r.need(now)
	default:
		r.link.hasten(time.Now())
	}
}

// giveUpAt is when the restart that has begun should have come to something.
func (r *restarter) giveUpAt() time.Duration {
	switch {
	case r.connected > 0:
		return r.connected + silentAfter
	case r.last >= r.hurried:
		return r.began + roundTime
	case r.described:
		return r.began + relayTime
	}
	return r.began + hurriedTime
}

// advance begins a restart if it is time to, or asks for one.
func (r *restarter) advance(now time.Duration) {
	if r.began > 0 && now < r.giveUpAt() {
		r.asking = 0
		return
	}
	if r.broken == 0 && !r.asked && r.wanted == 0 {
		if r.say.Kind == wire.RestartAsk {
			r.hush()
		}
		return
	}
	if r.asking == 0 {
		r.asking = now
	}
	agreed := r.asked || r.contact >= r.asking
	if r.link.offerer && agreed && (r.last == 0 || now-r.last >= leastBetween) && r.pace.Allow() {
		r.asked, r.asking, r.wanted = false, 0, 0
		if err := r.offer(now); err != nil {
			r.link.engine.options.Logger.Info("the path cannot be made anew", "error", err)
		}
		return
	}
	r.ask()
}

// wait is how long there is nothing to do.
func (r *restarter) wait(now time.Duration) time.Duration {
	switch {
	case r.link.patient.Load() && r.began == 0:
		return time.Minute
	case r.began > 0:
		return lookInterval
	case r.broken > 0 || r.asked || r.wanted > 0 || r.checkBy > 0:
		return min(lookAgain, max(r.talk.next-now, lookInterval))
	}
	quiet := time.Duration(r.link.heard.Load()) + quietAfter - now
	return max(quiet, lookAgain)
}
