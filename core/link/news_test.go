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
func TestOldNewsIsNotSent(t *testing.T) {
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
