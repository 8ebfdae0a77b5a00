package link

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"unityp2p/core/wire"
)

// helloResult is what the other side said of itself.
type helloResult struct {
	maxReliable, maxUnreliable int
	host                       bool
	copies                     bool
	capabilities               uint64
	limit                      uint64            // credit to begin with
	keys                       *wire.RestartKeys // nil: it knows no restarts
	err                        error
	reason                     Reason // with err
}

// greet exchanges hellos with an own peer. With an original peer there is
// nothing to say.
func (l *Link) greet() helloResult {
	if !l.own {
		return helloResult{maxReliable: l.maxReliable, maxUnreliable: l.maxUnreliable, limit: unlimited}
	}
	o := &l.engine.options
	hello := wire.Control{
		Kind: wire.ControlHello, Version: wire.Version,
		MaxMessage: uint64(o.MaxMessage), MaxUnreliable: uint64(o.MaxUnreliable),
		Limit: l.in.grant(),
	}
	if o.Host {
		hello.Flags |= wire.HelloHost
	}
	hello.Capabilities = l.engine.capabilities
	if l.via != nil {
		hello.Capabilities &^= wire.CapabilityRestart // the path is the host's
	}
	if _, err := rand.Read(hello.Secret[:]); err != nil {
		return helloResult{err: fmt.Errorf("drawing a secret: %w", err), reason: Failed}
	}
	stream := l.channels[control].stream
	// Where it cannot be sent any more, what the other side said can still be read.
	_, failed := stream.Write(hello.Append(nil))
	_ = stream.SetReadDeadline(time.Now().Add(o.ConnectTimeout))
	p, err := l.channels[control].next()
	if err != nil {
		return helloResult{err: fmt.Errorf("exchanging hellos: %w", errors.Join(failed, err)), reason: Failed}
	}
	_ = stream.SetReadDeadline(time.Time{})
	c, err := wire.ParseControl(p)
	switch {
	case err != nil:
		return helloResult{err: err, reason: Protocol}
	case c.Kind == wire.ControlBye:
		return helloResult{err: errors.New("the other side said goodbye"), reason: byeReason(c.Reason)}
	case c.Kind != wire.ControlHello || c.Version != wire.Version || c.MaxMessage == 0 || c.MaxUnreliable == 0:
		return helloResult{err: errors.New("no valid hello of this version"), reason: Protocol}
	}
	return helloResult{
		keys:          l.restartKeys(&hello, &c),
		maxReliable:   int(min(c.MaxMessage, wire.MaxReliableMessage)),
		maxUnreliable: int(min(c.MaxUnreliable, wire.MaxUnreliableMessage)),
		host:          c.Flags&wire.HelloHost != 0,
		copies:        hello.Capabilities&c.Capabilities&wire.CapabilityCopies != 0,
		capabilities:  c.Capabilities,
		limit:         c.Limit,
	}
}

// restartKeys are what both hellos make, if both sides know restarts.
func (l *Link) restartKeys(ours, theirs *wire.Control) *wire.RestartKeys {
	if ours.Capabilities&theirs.Capabilities&wire.CapabilityRestart == 0 {
		return nil
	}
	if l.offerer {
		return wire.NewRestartKeys(ours.Secret, theirs.Secret)
	}
	return wire.NewRestartKeys(theirs.Secret, ours.Secret)
}

// refuse tells an own peer why it may not come in, instead of hello.
func (l *Link) refuse(why Reason) {
	if !l.own {
		return
	}
	stream := l.channels[control].stream
	acked := make(chan struct{}, 1)
	stream.OnBufferedAmountLow(func() {
		select {
		case acked <- struct{}{}:
		default:
		}
	})
	bye := wire.Control{Kind: wire.ControlBye, Reason: byeCode(why)}
	if _, err := stream.Write(bye.Append(nil)); err != nil {
		return
	}
	select {
	case <-acked:
	case <-l.failed:
	case <-time.After(goodbyeTime):
	}
}

// byeReason translates a goodbye; unknown ones are plain leaving.
func byeReason(code uint64) Reason {
	switch code {
	case wire.ReasonRemoved:
		return Removed
	case wire.ReasonFull:
		return Full
	case wire.ReasonOther:
		return Replaced
	}
	return Left
}

// byeCode is the reverse, for our own goodbyes.
func byeCode(r Reason) uint64 {
	switch r {
	case Removed:
		return wire.ReasonRemoved
	case Full:
		return wire.ReasonFull
	case Replaced:
		return wire.ReasonOther
	default:
		return wire.ReasonLeft
	}
}
