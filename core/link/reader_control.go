package link

import (
	"time"

	"unityp2p/core/wire"
)

// readControl takes what comes on the control channel: what concerns the link
// is handled here, what concerns the room goes to the handler.
func (l *Link) readControl() {
	for {
		p, err := l.channels[control].next()
		if err != nil {
			return
		}
		l.touch()
		c, err := wire.ParseControl(p)
		if err != nil {
			l.stop(Protocol)
			return
		}
		if !l.takeControl(&c) {
			return
		}
	}
}

// takeControl reports whether more may follow.
func (l *Link) takeControl(c *wire.Control) bool {
	switch c.Kind {
	case wire.ControlPing:
		l.out.answer(c.Token)
	case wire.ControlPong:
		l.measure(c.Token)
		l.restart.ponged(c.Token)
	case wire.ControlCredit:
		if c.Channel == wire.ChannelReliable {
			l.out.raise(c.Limit)
		}
	case wire.ControlBye:
		l.bye(c)
		return false
	case wire.ControlHello:
		l.stop(Protocol)
		return false
	case wire.ControlMember, wire.ControlGone, wire.ControlSignal, wire.ControlCarry, wire.ControlCarried:
		l.handler.Control(l, *c)
	case wire.ControlRelayed, wire.ControlRelayCredit:
		if l.carriage != nil && !l.passOnControl(c) {
			l.stop(Protocol)
			return false
		}
	}
	return !l.violated.Load()
}

// byeTime bounds the wait for reliable messages that a goodbye overtook.
const byeTime = 2 * time.Second

// bye ends the link once all reliable messages that were sent before the
// goodbye are delivered.
func (l *Link) bye(c *wire.Control) {
	late := time.AfterFunc(byeTime, func() { l.stop(byeReason(c.Reason)) })
	defer late.Stop()
	l.in.awaitSeq(c.Seq)
	l.stop(byeReason(c.Reason))
}

// measure updates the round trip time from the token, which is when the ping
// left. A token that we never sent is worth nothing to its sender.
func (l *Link) measure(token uint64) {
	sample := time.Since(l.started) - time.Duration(token)
	if sample <= 0 || sample > time.Minute {
		return
	}
	l.trips.add(time.Duration(token), sample)
	old := time.Duration(l.rtt.Load())
	if old == 0 {
		old = sample
	}
	l.rtt.Store(int64(old + (sample-old)/8)) // as RFC 6298's SRTT
}

// SendControl queues a room message for the other side. A side that does not
// read its control channel loses the link.
func (l *Link) SendControl(c wire.Control) { l.sendControl(&c) }

// TryControl is SendControl for what may be lost: it is if much else waits.
func (l *Link) TryControl(c wire.Control) { l.out.tryControl(c.Append(nil)) }

func (l *Link) sendControl(c *wire.Control) {
	if !l.out.putControl(c.Append(nil)) {
		l.stop(Protocol)
	}
}

// Release says that the game took reliable messages of that cost.
func (l *Link) Release(cost int) {
	l.in.release(uint64(cost))
	l.credit()
}

// credit tells the sender when it may send more.
func (l *Link) credit() {
	if !l.own {
		return
	}
	if limit, seq, due := l.in.update(); due {
		c := wire.Control{Kind: wire.ControlCredit, Channel: wire.ChannelReliable, Limit: limit, Ack: seq}
		l.sendControl(&c)
	}
}
