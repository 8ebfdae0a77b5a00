package signaling

import (
	"sync"
	"time"
)

// checkTime is how long a socket has to answer Check.
const checkTime = 3 * time.Second

// pulse knows every peer and when it is to be looked at next. One goroutine does
// that for all of them, and runs only while there are any.
type pulse struct {
	wake chan struct{} // room for one: something is due earlier than it was

	mu       sync.Mutex
	beating  bool // the goroutine runs
	count    int
	beats    pulseList // by when the next ping is due
	verdicts pulseList // by when the answer to Check's ping is due
}

func (u *pulse) init() {
	u.wake = make(chan struct{}, 1)
	u.beats.init()
	u.verdicts.init()
}

// pulseList is a ring of peers around a node that is nobody's. Whoever is
// appended is due after those before it, since they all wait equally long.
type pulseList struct{ root pulseNode }

type pulseNode struct {
	prev, next *pulseNode
	peer       *peer
	due        time.Duration // by Server.now
}

func (l *pulseList) init() { l.root.prev, l.root.next = &l.root, &l.root }

func (l *pulseList) append(n *pulseNode, due time.Duration) {
	n.due = due
	n.prev, n.next = l.root.prev, &l.root
	n.prev.next, n.next.prev = n, n
}

func (n *pulseNode) remove() {
	n.prev.next, n.next.prev = n.next, n.prev
	n.prev, n.next = nil, nil
}

// front returns who is due first.
func (l *pulseList) front() (n *pulseNode, ok bool) { return l.root.next, l.root.next != &l.root }

// now is the time since the server was made; never 0.
func (s *Server) now() time.Duration { return time.Since(s.made) + 1 }

// watch begins to ping a peer. It reports whether the caller starts the
// goroutine that does so.
func (s *Server) watch(p *peer) (start bool) {
	s.pulse.mu.Lock()
	defer s.pulse.mu.Unlock()
	p.pulse.peer = p
	p.lastAct = s.now()
	s.pulse.beats.append(&p.pulse, s.now()+s.config.PingInterval)
	s.pulse.count++
	start = !s.pulse.beating
	s.pulse.beating = true
	return start
}

// unwatch forgets a peer that has ended.
func (s *Server) unwatch(p *peer) {
	s.pulse.mu.Lock()
	defer s.pulse.mu.Unlock()
	p.pulse.remove()
	if s.pulse.count--; s.pulse.count == 0 {
		s.pulse.wakeUp()
	}
}

func (u *pulse) wakeUp() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// peers returns all peers.
func (s *Server) peers() []*peer {
	s.pulse.mu.Lock()
	defer s.pulse.mu.Unlock()
	all := make([]*peer, 0, s.pulse.count)
	for _, l := range []*pulseList{&s.pulse.beats, &s.pulse.verdicts} {
		for n := l.root.next; n != &l.root; n = n.next {
			all = append(all, n.peer)
		}
	}
	return all
}

// beat pings peers when they are due, as long as there are any.
func (s *Server) beat() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		p, doubted, wait, more := s.due()
		switch {
		case !more:
			return
		case p == nil:
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-s.pulse.wake:
			}
		case p.lives() && !doubted:
			p.sendPing()
		}
	}
}

// due takes the peer that is due, if one is, and notes when it is due again;
// doubted tells that Check pinged it. Otherwise it returns how long to wait. It
// reports false if there are no peers at all.
func (s *Server) due() (p *peer, doubted bool, wait time.Duration, more bool) {
	u, now := &s.pulse, s.now()
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.count == 0 {
		u.beating = false
		return nil, false, 0, false
	}
	wait = s.config.PingInterval
	for _, l := range []*pulseList{&u.verdicts, &u.beats} {
		n, ok := l.front()
		if !ok {
			continue
		}
		if n.due > now {
			wait = min(wait, n.due-now)
			continue
		}
		n.remove()
		u.beats.append(n, now+s.config.PingInterval)
		return n.peer, l == &u.verdicts, 0, true
	}
	return nil, false, wait, true
}

// Check pings every socket now, and ends those that do not answer within three
// seconds: for a machine that was asleep, whose sockets may all be dead without
// knowing it. It does not wait for the answers.
func (s *Server) Check() {
	for _, p := range s.peers() {
		if s.doubt(p) {
			p.sendPing()
		}
	}
	s.pulse.wakeUp()
}

// doubt notes that the answer to Check's ping is due soon. It reports false if
// the peer has ended.
func (s *Server) doubt(p *peer) bool {
	s.pulse.mu.Lock()
	defer s.pulse.mu.Unlock()
	if p.pulse.next == nil {
		return false
	}
	p.pulse.remove()
	s.pulse.verdicts.append(&p.pulse, s.now()+checkTime)
	return true
}

// sendPing pings the socket.
func (p *peer) sendPing() {
	p.ponged.Store(false)
	p.control(opPing, nil)
}

// lives ends a socket that has not answered the last ping, or does nothing, or
// takes for ever over what it does. It reports whether the socket may stay.
func (p *peer) lives() bool {
	limits, now := &p.server.limits, p.server.now()
	if p.acted.Swap(false) || p.app.uses(p) {
		p.lastAct = now
	}
	began := time.Duration(p.began.Load())
	switch {
	case !p.ponged.Load() && !p.deaf.Load():
		p.expel(RefusedSilent)
	case began != 0 && now-began > limits.Message:
		p.expel(RefusedMessage)
	case p.queue.lags():
		p.expel(RefusedSlow)
	case now-p.lastAct > limits.Idle:
		p.expel(RefusedIdle)
	default:
		return true
	}
	return false
}
