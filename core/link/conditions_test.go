package link

import (
	"encoding/binary"
	"runtime"
	"strings"
	"testing"
	"time"

	"unityp2p/core/badnet"
)

func setConditions(t *testing.T, e *end, c badnet.Conditions) {
	t.Helper()
	if err := e.link.engine.SetConditions(c); err != nil {
		t.Fatal(err)
	}
}

// On a bad network the reliable channel is as good as ever, and of the unreliable one
// arrives about what the network lets through.
func TestALinkOnABadNetwork(t *testing.T) { byEveryWay(t, aLinkOnABadNetwork) }

func aLinkOnABadNetwork(t *testing.T, connect connector) {
	a, b := connect(t, nil)
	bad := badnet.Path{Latency: 10 * time.Millisecond, Jitter: 10 * time.Millisecond, Loss: 10, Duplication: 5, Reordering: 5}
	setConditions(t, a, badnet.Conditions{Send: bad, Receive: bad, Seed: 1})
	const count = 400
	ticker := time.NewTicker(2 * time.Millisecond) // or they would share datagrams
	defer ticker.Stop()
	for i := range count {
		message := binary.BigEndian.AppendUint32(nil, uint32(i))
		a.send(message, true)
		a.send(message, false)
		<-ticker.C
	}
	reliableCame := func() int {
		n := 0
		for _, m := range b.messages {
			if m.Reliable {
				n++
			}
		}
		return n
	}
	b.await("all reliable messages", func() bool { return reliableCame() == count })
	b.mu.Lock()
	defer b.mu.Unlock()
	next, seen := uint32(0), map[uint32]bool{}
	for _, m := range b.messages {
		number := binary.BigEndian.Uint32(m.Data)
		switch {
		case !m.Reliable && seen[number]:
			t.Errorf("unreliable message %d came twice", number)
		case !m.Reliable:
			seen[number] = true
		case number != next:
			t.Fatalf("reliable message %d in place of %d", number, next)
		default:
			next++
		}
	}
	t.Logf("%d of %d unreliable messages arrived", len(seen), count)
	if len(seen) < count/2 || len(seen) == count {
		t.Errorf("%d of %d unreliable messages arrived", len(seen), count)
	}
}

// Bad while it connects, good, black, good again: at run time, and what ran for it
// ends.
func TestConditionsChangeAtRunTime(t *testing.T) { byEveryWay(t, conditionsChangeAtRunTime) }

func conditionsChangeAtRunTime(t *testing.T, connect connector) {
	a, b := connect(t, func(o *Options) { o.UnreachableAfter = time.Second })
	setConditions(t, a, badnet.Conditions{Send: badnet.Path{Latency: 100 * time.Millisecond}})
	poll(t, "a round trip with the latency", func() bool { return a.link.Stats().RTT >= 50*time.Millisecond })
	setConditions(t, a, badnet.Conditions{Send: badnet.Path{Loss: 100}, Receive: badnet.Path{Loss: 100}})
	a.send([]byte("while it is black"), true)
	unreachable := func(e *end) func() bool { return func() bool { return len(e.reach) == 1 && !e.reach[0] } }
	a.await("a: unreachable", unreachable(a))
	b.await("b: unreachable", unreachable(b))
	setConditions(t, a, badnet.Conditions{})
	a.await("a: reachable", func() bool { return len(a.reach) == 2 && a.reach[1] })
	b.await("the message", func() bool { return len(b.messages) == 1 })
	poll(t, "the senders end", func() bool { return senders() == 0 })
}

// poll waits for what nobody tells.
func poll(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// senders counts badnet's goroutines.
func senders() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "badnet.(*Conn).send(")
}
