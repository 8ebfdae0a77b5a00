package link

import (
	"time"

	"unityp2p/core/wire"
)

// write is the one goroutine that writes to the channels, keeps the heartbeat
// and listens for silence.
func (l *Link) write() {
	w := writer{link: l, buf: make([]byte, 0, 2<<10)}
	for kind, high := range map[int]uint64{reliable: highWater, unreliable: highUnreliable, control: l.mostControl()} {
		if c := l.channels[kind]; c != nil {
			c.stream.SetBufferedAmountLowThreshold(high / 2)
			c.stream.OnBufferedAmountLow(l.out.signal)
		}
	}
	tick := l.tick()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	w.timer = time.NewTimer(time.Hour)
	defer w.timer.Stop()
	last := time.Since(l.started)
	if l.own {
		l.ping(last) // how long a trip takes is worth knowing soon
	}
	for {
		if !w.flush() {
			// The channels are closed: the readers find out why.
			<-l.out.closing
			return
		}
		w.setTimer()
		select {
		case <-l.out.wake:
		case <-w.timer.C:
			w.timed = 0
		case <-ticker.C:
			now := time.Since(l.started)
			if now-last > 4*tick+time.Second {
				// This process stood still (a laptop's lid, a debugger):
				// the silence was ours.
				l.touch()
				l.restart.note(func(r *restarter) { r.waked = true })
			}
			last = now
			l.heartbeat(now)
			w.beat(now)
		case <-l.out.closing:
			return
		}
	}
}

type writer struct {
	link    *Link
	ages    ages // of what SCTP has of the unreliable channel
	buf     []byte
	spare   []byte
	pace    pace          // of the reliable channel
	most    int           // of one of its messages at once
	copying bool          // so little is sent there that copies may help
	got     wire.Got      // what was last said to have come
	saying  time.Duration // when that may be said again
	left    time.Duration // when something last left on the unreliable channel
	timer   *time.Timer
	timed   time.Duration     // when the timer fires; 0: nobody waits for it
	wrote   int               // bytes of the last packet
	mine    [channelCount]int // bytes left until the others' turn
	carried time.Duration     // when something of theirs was sent last; 0: never
	high    uint64            // what SCTP may hold of the reliable channel; 0: not decided
	done    bool
}

// flush sends all that may be sent now. It reports false when the link is
// broken.
func (w *writer) flush() bool {
	rel, unrel := 0, 0
	defer func() { w.report(rel, unrel) }()
	for {
		if !w.control() || !w.sayGot() || !w.copies() {
			return false
		}
		moved := false
		for {
			gone, more, ok := w.news()
			if !ok {
				return false
			}
			unrel += gone
			if !more {
				break
			}
			moved = true
		}
		// One reliable packet at a time, so that it holds up nobody else.
		sent, more, ok := w.bulk()
		if !ok {
			return false
		}
		rel += sent
		if !more && !moved {
			break
		}
		if rel+unrel > reportAfter {
			w.report(rel, unrel)
			rel, unrel = 0, 0
		}
	}
	return w.goodbye()
}

// reportAfter is how much cost may leave before its senders hear of it.
const reportAfter = 64 << 10

func (w *writer) report(rel, unrel int) {
	if rel > 0 {
		w.link.handler.Sent(w.link, true, rel)
	}
	if unrel > 0 {
		w.link.handler.Sent(w.link, false, unrel)
	}
}

// mostControl is how much of the control channel may be on its way: one message where
// that is the host's. Its link may be silent for a while, and in the outbox the answers
// to pings take each other's place.
func (l *Link) mostControl() uint64 {
	if l.via != nil {
		return 1
	}
	return highControl
}

// control sends what waits for the control channel, as far as the other side
// takes it. What waits longer is bounded by the outbox.
func (w *writer) control() bool {
	c := w.link.channels[control]
	for c != nil && c.stream.BufferedAmount() < w.link.mostControl() {
		p := w.link.out.nextControl()
		if p == nil {
			more, ok := w.carry(control)
			if more {
				continue
			}
			return ok
		}
		if _, err := c.stream.Write(p); err != nil {
			return false
		}
	}
	return true
}

// news sends one packet of the unreliable channel. What waited for too long is
// dropped, here, before SCTP has it: what SCTP has it sends when it can, be that
// seconds later.
func (w *writer) news() (gone int, more, ok bool) {
	l := w.link
	now := time.Since(l.started)
	gone = l.out.expire(now - l.engine.options.UnreliableMaxAge)
	if w.holdsBack(now) {
		return gone, false, true
	}
	sent, more, ok := w.fair(unreliable)
	return gone + sent, more, ok
}

// holdsBack reports whether SCTP has enough of the unreliable channel: as much as it
// may ever have, or something that should have been acknowledged long ago, so that
// what follows would not leave soon. The writer is woken when there is less of it.
func (w *writer) holdsBack(now time.Duration) bool {
	l := w.link
	stream := l.channels[unreliable].stream
	for {
		held := stream.BufferedAmount()
		switch {
		case held >= highUnreliable:
			stream.SetBufferedAmountLowThreshold(highUnreliable / 2)
		case held < newPathUnreliable && now < time.Duration(l.renewed.Load())+rtoMax:
			return false
		case held > alwaysUnreliable && w.ages.oldest(held, now) > l.allowed():
			stream.SetBufferedAmountLowThreshold(held - 1)
		default:
			return false
		}
		// It may have become less before the threshold was set.
		if stream.BufferedAmount() >= held {
			return true
		}
	}
}

// alwaysUnreliable is what SCTP may have of the unreliable channel whatever its age. It
// is part of what may always be on the way, and so leaves at once; and what was lost
// counts until SCTP gives it up, which at much loss takes seconds.
const alwaysUnreliable = 24 << 10

// newPathUnreliable is what it may have in the first moments of a new path: what it
// holds then was lost with the old one, which it finds out when its timer rings.
const newPathUnreliable = minWindow - 4<<10

// unknownTrip is allowed for before a round trip was measured.
const unknownTrip = time.Second

// allowed is how long SCTP may take for an unreliable message, from when it gets it
// until it is acknowledged.
func (l *Link) allowed() time.Duration {
	if trip, ok := l.trips.shortest(); ok {
		return trip + l.engine.options.UnreliableMaxAge
	}
	return unknownTrip
}

// bulk sends one packet of the reliable channel, unless SCTP has enough of it. The
// writer is woken when there is less.
func (w *writer) bulk() (sent int, more, ok bool) {
	held := w.link.channels[reliable].stream.BufferedAmount()
	if !w.paced(held) {
		return 0, false, true
	}
	w.copying = w.link.copies && held < mostUnsaid
	return w.fair(reliable)
}

// one sends one packet of a channel.
func (w *writer) one(kind int) (sent int, more, ok bool) {
	l := w.link
	stream := l.channels[kind].stream
	var packet []byte
	switch {
	case !l.own:
		packet, sent, more = l.out.nextRaw(kind == reliable)
	case kind == reliable:
		packet, sent = l.out.nextReliable(w.buf[:0], w.most)
		more = packet != nil
	default:
		packet, sent = l.out.nextUnreliable(w.buf[:0])
		more = packet != nil
	}
	if !more {
		return 0, false, true
	}
	if l.own {
		w.buf = packet[:0]
	}
	w.wrote = len(packet)
	if kind == unreliable {
		w.aged(max(len(packet), 1), time.Since(l.started)) // SCTP has no empty messages
	}
	switch {
	case kind == unreliable:
		_, err := stream.Write(packet)
		return sent, true, err == nil
	case l.copies:
		return sent, true, w.insured(packet)
	default:
		return sent, true, w.give(packet)
	}
}

// give writes to the reliable channel.
func (w *writer) give(packet []byte) bool {
	w.pace.handed += uint64(max(len(packet), 1)) // SCTP has no empty messages
	_, err := w.link.channels[reliable].stream.Write(packet)
	return err == nil
}

// aged notes what leaves on the unreliable channel.
func (w *writer) aged(bytes int, now time.Duration) {
	w.ages.add(bytes, now)
	w.left = now
}

// beat shows that we are there, where nothing else of the unreliable channel does. A
// ping that is lost holds up those that follow it, for a second and more: where much
// is lost a path would look broken that is none.
func (w *writer) beat(now time.Duration) {
	if now-w.left >= w.link.tick()/2 {
		w.link.owe()
	}
}

// goodbye says it when everything is out and acknowledged, and marks the outbox
// flushed when the goodbye is acknowledged too.
func (w *writer) goodbye() bool {
	l := w.link
	bye, now := l.out.goodbye()
	if !now || l.carriage != nil && !l.carriage.idle() {
		return true
	}
	if !w.handOver() {
		return false
	}
	l.channels[reliable].stream.SetBufferedAmountLowThreshold(0)
	if l.channels[reliable].stream.BufferedAmount() > 0 {
		return true // woken when it is acknowledged
	}
	if c := l.channels[control]; c != nil {
		c.stream.SetBufferedAmountLowThreshold(0)
		if !l.saidBye {
			l.saidBye = true
			if _, err := c.stream.Write(bye); err != nil {
				return false
			}
		}
		if c.stream.BufferedAmount() > 0 {
			return true
		}
	}
	if !w.done {
		w.done = true
		close(l.out.flushed)
	}
	return true
}

// tick is how often the writer looks after the heartbeat.
func (l *Link) tick() time.Duration {
	return min(max(l.engine.options.UnreachableAfter/10, 50*time.Millisecond), 500*time.Millisecond)
}

// ping wants an answer.
func (l *Link) ping(now time.Duration) {
	ping := wire.Control{Kind: wire.ControlPing, Token: uint64(now)}
	l.sendControl(&ping)
}

// heartbeat pings and judges silence.
func (l *Link) heartbeat(now time.Duration) {
	o := &l.engine.options
	if l.own {
		every := min(o.UnreachableAfter/5, time.Second)
		if now-l.pinged >= every-l.tick()/2 { // the tick that is nearest
			l.pinged = now
			if l.via == nil || !l.via.waits() {
				l.ping(now)
			}
		}
	} else if !l.in.iceLost.Load() {
		l.touch() // original peers do not ping; ICE keeps asking them
		if trip := l.iceTrip(); trip > 0 {
			l.trips.add(now, trip)
		}
	}
	silence := now - time.Duration(l.heard.Load())
	if l.patient.Load() {
		return
	}
	switch {
	case silence > o.DisconnectAfter:
		l.stop(TimedOut)
	case silence > o.UnreachableAfter && !l.silent:
		l.silent = true
		l.handler.Reach(l, false)
	case silence <= o.UnreachableAfter && l.silent:
		l.silent = false
		l.handler.Reach(l, true)
	}
}
