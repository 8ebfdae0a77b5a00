package link

import (
	"encoding/binary"
	"testing"
	"time"

	"unityp2p/core/badnet"
)

var black = badnet.Conditions{Send: badnet.Path{Loss: 100}, Receive: badnet.Path{Loss: 100}}

// After an outage what was sent during it does not come late: what comes is new, but
// for as much as the network itself may have had when it broke. All of the rest is
// counted.
func TestOldNewsIsNotSent(t *testing.T) { byEveryWay(t, oldNewsIsNotSent) }

func oldNewsIsNotSent(t *testing.T, connect connector) {
	a, b := connect(t, nil)
	const count, every = 240, 10 * time.Millisecond
	poll(t, "a round trip", func() bool { _, ok := a.link.trips.shortest(); return ok })
	setConditions(t, a, black)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	message := make([]byte, 600)
	for i := range count {
		binary.BigEndian.PutUint32(message, uint32(i))
		a.send(message, false)
		a.send(message[:200], true)
		<-ticker.C
	}
	setConditions(t, a, badnet.Conditions{})
	// What is sent from now on arrives again, once SCTP has looked.
	binary.BigEndian.PutUint32(message, count)
	poll(t, "news", func() bool {
		a.send(message, false)
		return b.countOf(func(number uint32) bool { return number == count }) > 0
	})
	poll(t, "an empty outbox", func() bool { return a.link.Stats().Unsent == 0 })
	old := b.countOf(func(number uint32) bool { return number < count })
	dropped := a.link.Stats().Dropped
	t.Logf("%d of %d messages of an outage of %v came late, %d were dropped before", old, count, count*every, dropped)
	if old > 20 {
		t.Errorf("%d old messages arrived", old)
	}
	if dropped < count/2 {
		t.Errorf("only %d were dropped before sending", dropped)
	}
}

// What is lost of the reliable channel, and waits for its turn again, does not hold up
// the unreliable one: of that arrives what the network lets through.
func TestLostReliableMessagesHoldUpNothingElse(t *testing.T) {
	byEveryWay(t, lostReliableMessagesHoldUpNothingElse)
}

func lostReliableMessagesHoldUpNothingElse(t *testing.T, connect connector) {
	a, b := connect(t, nil)
	poll(t, "a round trip", func() bool { _, ok := a.link.trips.shortest(); return ok })
	lossy := badnet.Path{Latency: 50 * time.Millisecond, Loss: 20}
	setConditions(t, a, badnet.Conditions{Send: lossy, Receive: lossy, Seed: 3})
	const count = 300
	ticker := time.NewTicker(time.Second / 60)
	defer ticker.Stop()
	message := make([]byte, 200)
	for i := range count {
		binary.BigEndian.PutUint32(message, uint32(i))
		a.send(message, true)
		a.send(message, false)
		<-ticker.C
	}
	dropped := a.link.Stats().Dropped
	setConditions(t, a, badnet.Conditions{})
	poll(t, "an empty outbox", func() bool { return a.link.Stats().Unsent == 0 })
	arrived := b.countOf(func(uint32) bool { return true })
	t.Logf("%d of %d unreliable messages arrived, %d were dropped before", arrived, count, dropped)
	if dropped > count/4 || arrived < count/2 {
		t.Errorf("%d of %d unreliable messages arrived, %d were dropped before", arrived, count, dropped)
	}
}

// countOf counts the unreliable messages that came with such numbers.
func (e *end) countOf(f func(number uint32) bool) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range e.messages {
		if !m.Reliable && f(binary.BigEndian.Uint32(m.Data)) {
			n++
		}
	}
	return n
}
