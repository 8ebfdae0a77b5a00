package link

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// supervise owns the link from the first offer to Down.
func (l *Link) supervise(ctx context.Context) {
	defer close(l.done)
	reason := l.connect(ctx)
	if reason == nil {
		r := l.talk(ctx)
		reason = &r
	}
	l.giveUpServers()
	// Pion waits for its own goroutines here; it may take a moment.
	_ = l.pc.GracefulClose()
	l.in.close()
	l.in.readers.Wait()
	l.handler.Down(l, *reason)
}

// associationTime is how long it may take until a data channel opens once there are
// a path and keys. SCTP gives up after nine repetitions, a second each; who closes it
// after that may wait for ever, as pion's sctp 1.12 then holds its own lock.
const associationTime = 8 * rtoMax

// connect brings the link up. It returns nil when it is, else why it is not.
func (l *Link) connect(ctx context.Context) *Reason {
	timeout := time.NewTimer(l.engine.options.ConnectTimeout)
	defer timeout.Stop()
	n := negotiator{link: l}
	if l.offerer {
		if err := n.offer(); err != nil {
			return l.giveUp("making an offer", err, Failed)
		}
	}
	var hello chan helloResult
	failed, met := l.failed, l.met
	var associated <-chan time.Time
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	for {
		select {
		case s := <-l.signals:
			if err := n.take(*s); err != nil {
				return l.giveUp("negotiating", err, Failed)
			}
		case c := <-l.opened:
			if l.channels[c.kind] != nil {
				continue
			}
			l.channels[c.kind] = c
			if hello == nil && l.complete() {
				if err := l.identify(); err != nil {
					return l.giveUp("identifying", err, OtherMember)
				}
				if in, why := l.handler.Admit(l); !in {
					l.refuse(why)
					return l.giveUp("admitting", errors.New("not let in"), Failed)
				}
				hello = make(chan helloResult, 1)
				l.in.readers.Go(func() { hello <- l.greet() })
			}
		case r := <-hello:
			return l.welcome(&r)
		case now := <-look.C:
			if !l.hasten(now) {
				look.Stop()
			}
		case r := <-l.end:
			return &r
		case <-l.closer:
			r := Local
			return &r
		case <-failed:
			if !l.Met() {
				return l.giveUp("connecting", errors.New("the connection failed or was closed"), Failed)
			}
			// A refusal may have come just before the end.
			failed = nil
			timeout.Reset(closeTime)
		case <-met:
			met, associated = nil, time.After(associationTime)
		case <-associated:
			if l.channels == [channelCount]*channel{} {
				return l.giveUp("connecting", errors.New("no data channel opened"), Failed)
			}
		case <-timeout.C:
			return l.giveUp("connecting", errors.New("timed out, or closed without a word"), Failed)
		case <-ctx.Done():
			r := Local
			return &r
		}
	}
}

// welcome takes the other side's hello.
func (l *Link) welcome(r *helloResult) *Reason {
	if r.err != nil {
		return l.giveUp("greeting", r.err, r.reason)
	}
	l.maxReliable, l.maxUnreliable, l.host = r.maxReliable, r.maxUnreliable, r.host
	l.capabilities, l.copies = r.capabilities, r.copies
	if r.keys != nil {
		l.restart.begin(r.keys)
	}
	l.out.open(r.limit)
	l.connecting = time.Since(l.started)
	l.touch()
	return nil
}

func (l *Link) giveUp(doing string, err error, r Reason) *Reason {
	l.engine.options.Logger.Info("link not established", "doing", doing, "error", err)
	return &r
}

// complete reports whether all channels that this kind of peer has are open.
func (l *Link) complete() bool {
	if l.channels[reliable] == nil || l.channels[unreliable] == nil {
		return false
	}
	return !l.own || l.channels[control] != nil
}

// identify learns who is at the other end from the certificate that DTLS proved.
func (l *Link) identify() error {
	l.member = memberOf(l.pc.SCTP().Transport().GetRemoteCertificate())
	if l.expect != 0 && l.member != l.expect {
		return fmt.Errorf("expected member %016x, found %016x", l.expect, l.member)
	}
	return nil
}

// talk runs the open link until it ends, and says why it did.
func (l *Link) talk(ctx context.Context) Reason {
	l.handler.Up(l)
	l.open.Store(true)
	if l.restart.keys != nil {
		l.engine.interfaces.join(l, l.engine.listed)
		defer l.engine.interfaces.leave(l)
	}
	l.read()
	written := make(chan struct{})
	go func() {
		defer close(written)
		l.write()
	}()
	reason := l.await(ctx)
	l.out.close()
	<-written
	if l.carriage != nil {
		l.carriage.close()
	}
	return reason
}

func (l *Link) await(ctx context.Context) Reason {
	defer l.restart.clock.Stop()
	for {
		select {
		case r := <-l.end:
			return r
		case <-l.failed:
			return l.afterFailure()
		case why := <-l.closer:
			if l.carriage != nil {
				for _, other := range l.carriage.connections() {
					other.Close(Left)
				}
			}
			l.out.finish(why)
			return l.linger()
		case <-ctx.Done():
			return Local
		case m := <-l.restart.came:
			l.restart.take(&m)
		case <-l.restart.nudge:
			l.restart.nudged()
		case <-l.restart.clock.C:
			l.restart.ring()
		}
	}
}

// afterFailure prefers the reason that the readers found, such as a goodbye
// that came just before the end of the connection.
func (l *Link) afterFailure() Reason {
	timeout := time.NewTimer(closeTime)
	defer timeout.Stop()
	select {
	case r := <-l.end: // at the latest when all channels have ended
		return r
	case <-timeout.C:
		return Closed
	}
}

// How long a closing link may take to send what was accepted, and to see that
// its goodbye arrived.
const (
	flushTime   = 800 * time.Millisecond
	goodbyeTime = 300 * time.Millisecond
)

// linger waits until the writer has sent everything and the goodbye, and the
// other side has acknowledged it or gone.
func (l *Link) linger() Reason {
	if !l.flushedWithin(flushTime) {
		if l.carriage != nil {
			l.carriage.hurry()
		}
		l.out.abandon()
		l.flushedWithin(goodbyeTime)
	}
	return Local
}

// flushedWithin reports whether there is nothing left to wait for.
func (l *Link) flushedWithin(d time.Duration) bool {
	timeout := time.NewTimer(d)
	defer timeout.Stop()
	select {
	case <-l.out.flushed:
	case <-l.end:
	case <-l.failed:
	case <-timeout.C:
		return false
	}
	return true
}
