package link

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/transport/v5/vnet"
)

// asker writes requests to a relay.
type asker struct {
	t  *testing.T
	to openSocket
}

// ask writes a request, and wants it to pass or not.
func (a *asker) ask(request []byte, want error) {
	a.t.Helper()
	relay := &net.UDPAddr{IP: net.IPv4(203, 0, 113, 5), Port: 3478}
	if _, err := a.to.WriteTo(request, relay); !errors.Is(err, want) {
		a.t.Fatalf("a request was written: %v, want %v", err, want)
	}
}

// A relay that says nothing is not asked for ever, nor for each address anew.
func TestARelayThatSaysNothingIsNotAskedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := asker{t, openSocket{&packets{}, newPermissions(t.Context())}}
		one, two := permission(t, "203.0.113.6"), permission(t, "203.0.113.7")
		for range permissionTries {
			a.ask(one, nil)
		}
		a.ask(one, errDeafRelay)
		a.ask(two, errDeafRelay)
		a.ask(make([]byte, 100), nil) // anything else
		time.Sleep(permissionPause)
		for range permissionTries {
			a.ask(two, nil)
		}
		a.ask(two, errDeafRelay)
		time.Sleep(permissionTime)
		for range 2 * permissionTries { // renewals may take their time
			a.ask(one, nil)
		}
	})
}

// A relay that answers is asked for all addresses.
func TestARelayThatAnswersIsAskedForAll(t *testing.T) {
	a := asker{t, openSocket{&packets{}, newPermissions(t.Context())}}
	for range 20 {
		request := permission(t, "203.0.113.6")
		for range permissionTries {
			a.ask(request, nil)
		}
	}
}

// A link that ends waits for no relay.
func TestALinkThatEndsAsksNoRelay(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := asker{t, openSocket{&packets{}, newPermissions(ctx)}}
	request := permission(t, "203.0.113.6")
	a.ask(request, nil)
	cancel()
	a.ask(request, context.Canceled)
}

// A path by a relay that falls silent, and grants no more permissions: the search for
// another goes on, and the link can end meanwhile. Pion would wait for the relay for
// half a minute.
func TestASilentRelayHoldsUpNothing(t *testing.T) {
	v := newVirtual(t)
	symmetric := nats[len(nats)-1]
	one, two := v.player(symmetric), v.player(symmetric)
	var silent atomic.Bool
	v.internet.AddChunkFilter(func(c vnet.Chunk) bool { return !silent.Load() || !relaying(c.UserData()) })
	v.serve()
	l := meetVirtually(t, one, two)
	e := l.handler.(*end)
	open(e, e.other)
	if !l.Stats().relayed() {
		t.Fatal("they met without a relay")
	}
	silent.Store(true)
	poll(t, "two restarts", func() bool { return l.restart.generationNow() >= 2 })
	l.Close(Left)
	select {
	case <-l.Done():
	case <-time.After(20 * time.Second):
		t.Error("the link does not end")
	}
}

// relaying reports whether a packet asks for permission, or carries something by a
// relay: on a channel, or in an indication (RFC 8656 sections 12 and 18.1).
func relaying(p []byte) bool {
	return len(p) > 1 && (p[0] >= 0x40 || p[0] == 0 && (p[1] == 0x08 || p[1] == 0x16 || p[1] == 0x17))
}
