package link

import (
	"slices"
	"time"

	"unityp2p/core/wire"
)

// talk is what a restarter says, and knows of what was heard. What it says last
// takes the place of all before, so there is one thing to say again: until the other
// side has it.
type talk struct {
	say     wire.Restart  // what there is to say; an acknowledgement: nothing
	seq     uint64        // of it
	acked   uint64        // what the other side has
	got     uint64        // what we have of the other side's
	owed    bool          // an acknowledgement
	next    time.Duration // when to say it again
	pending time.Duration // candidates wait for others to come along until then
}

// Pauses between messages.
const (
	sayAgain  = 400 * time.Millisecond
	gathering = 30 * time.Millisecond
)

// ask says that we need a path. Each time it is something new, so that the answer
// shows that there is a way now.
func (r *restarter) ask() {
	if r.say.Kind != wire.RestartAsk {
		r.tell(wire.Restart{Kind: wire.RestartAsk})
	}
}

// tell begins to say something.
func (r *restarter) tell(m wire.Restart) {
	r.say, r.next, r.pending = m, 0, 0
	r.seq++
}

// sayAnew says at once what was not heard yet. It is something new, for whoever hears
// it by a new way: what is old may be of anybody who kept it.
func (r *restarter) sayAnew() {
	if r.next = 0; r.unheard() {
		r.seq++
	}
}

// unheard reports whether there is something to say again.
func (r *restarter) unheard() bool {
	return r.say.Kind > wire.RestartAck && (r.acked < r.seq || r.say.Kind == wire.RestartAsk)
}

// hush ends it.
func (r *restarter) hush() { r.say = wire.Restart{Kind: wire.RestartAck} }

// speak says what is due.
func (r *restarter) speak(now time.Duration) {
	r.addFound(now)
	switch {
	case r.unheard() && now >= r.next:
		if r.say.Kind == wire.RestartAsk && r.next > 0 {
			r.seq++
		}
		r.next = now + sayAgain
		r.send(&r.say)
	case r.owed:
		r.send(&wire.Restart{Kind: wire.RestartAck})
	}
	r.owed = false
}

func (r *restarter) send(m *wire.Restart) {
	m.Session, m.Generation, m.Seq, m.Ack = r.keys.Session, r.generation, r.seq, r.got
	r.link.handler.Restart(r.link, r.keys.Seal(m, r.link.offerer))
}

// addFound says which addresses were found since.
func (r *restarter) addFound(now time.Duration) {
	if r.say.Kind != wire.RestartOffer && r.say.Kind != wire.RestartAnswer {
		return
	}
	r.mu.Lock()
	more := len(r.found) > len(r.say.Candidates)
	if more && r.pending == 0 {
		r.pending = now + gathering
	}
	more = more && now >= r.pending
	if more {
		r.say.Candidates = slices.Clone(r.found)
	}
	r.mu.Unlock()
	if more {
		r.seq++
		r.next, r.pending = 0, 0
	}
}

// find notes an address of ours that pion has found. It reports whether it is for us
// to tell the other side.
func (r *restarter) find(candidate string) bool {
	mine := false
	r.note(func(r *restarter) {
		if mine = r.current > 0; mine && len(r.found) < wire.MaxRestartCandidates {
			r.found = append(r.found, candidate)
		}
	})
	return mine
}

// take hears what the other side says.
func (r *restarter) take(m *wire.Restart) {
	now := time.Since(r.link.started)
	fresh := m.Seq > r.got
	if fresh || m.Ack > r.acked && m.Ack <= r.seq {
		r.contact = now
	}
	if m.Ack <= r.seq {
		r.acked = max(r.acked, m.Ack)
	}
	if r.hear(m, fresh, now) {
		r.got = max(r.got, m.Seq)
		r.owed = r.owed || m.Kind != wire.RestartAck
	}
	r.step()
}

// hear does what a message wants. It reports false if that must wait until it is
// said again.
func (r *restarter) hear(m *wire.Restart, fresh bool, now time.Duration) bool {
	switch m.Kind {
	case wire.RestartAsk:
		// Who asks while our offer is on its way has not seen it.
		if fresh && r.link.offerer && m.Generation == r.generation {
			r.asked = true
			if r.began > 0 && now-r.began >= leastBetween {
				r.began = 0
			}
		}
	case wire.RestartOffer:
		if r.link.offerer {
			r.link.stop(Protocol)
			return false
		}
		if m.Generation > r.generation {
			if r.last > 0 && now-r.last < leastAnswers || !r.pace.Allow() {
				return false
			}
			if err := r.answer(m, now); err != nil {
				r.link.engine.options.Logger.Info("the path cannot be made anew", "error", err)
				return false
			}
		}
		r.learn(m)
	case wire.RestartAnswer:
		if !r.link.offerer {
			r.link.stop(Protocol)
			return false
		}
		if m.Generation == r.generation && r.offering {
			if err := r.accept(m); err != nil {
				r.link.engine.options.Logger.Info("the path cannot be made anew", "error", err)
				return false
			}
		}
		r.learn(m)
	}
	return true
}
