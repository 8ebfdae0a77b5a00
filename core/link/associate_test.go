package link

import (
	"testing"
	"time"
)

// Where there are a path and keys, and no data channel comes, the link ends before
// SCTP has given up by itself: whoever closes pion's association after that may wait
// for ever, as its lock is then held by who waits for somebody to hear of it.
func TestALinkEndsBeforeSCTPGivesUp(t *testing.T) {
	t.Parallel()
	o := testOptions()
	engine, err := NewEngine(o)
	if err != nil {
		t.Fatal(err)
	}
	e := &end{t: t, changed: make(chan struct{}), ready: make(chan struct{})}
	close(e.ready)
	l, err := engine.Answer(t.Context(), e, 0)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	l.meet.Do(func() { close(l.met) })
	e.await("the end", func() bool { return e.down != nil })
	<-l.Done()
	if took := time.Since(began); *e.down != Failed || took < associationTime || took >= o.ConnectTimeout {
		t.Errorf("ended by %v after %v; SCTP gives up after %v", *e.down, took, 9*rtoMax)
	}
}
