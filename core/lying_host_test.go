package core_test

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"unityp2p/core"
	"unityp2p/core/wire"
)

// victim joins the room of a lying host.
func victim(t *testing.T, s *server) *witness {
	t.Helper()
	cfg := s.config("room")
	cfg.ConnectTimeout = 5 * time.Second
	c, err := core.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return watch(t, "victim", c)
}

func arrival(id uint64, offer bool) wire.Control {
	c := wire.Control{Kind: wire.ControlMember, Member: id}
	if offer {
		c.Flags = wire.MemberOffer
	}
	return c
}

// A host that names thousands of members who do not exist, or begins thousands
// of connections in their names, gets no more than a bounded number of attempts.
func TestAHostInventsMembers(t *testing.T) {
	lies := map[string]func(l *liar){
		"members to offer to": func(l *liar) {
			for range 5000 {
				l.control(arrival(rand.Uint64(), true))
			}
		},
		"offers in a member's name": func(l *liar) {
			l.control(arrival(9, false))
			for i := range uint64(5000) {
				l.control(wire.Control{
					Kind: wire.ControlSignal, Member: 9, Session: i + 1, Seq: 1,
					Signal: wire.Negotiation{Kind: wire.Offer, SDP: plainOffer},
				})
			}
		},
		"arrivals and departures": func(l *liar) {
			for range 5000 {
				id := rand.Uint64()
				l.control(arrival(id, true))
				l.control(wire.Control{Kind: wire.ControlGone, Member: id, Reason: wire.ReasonRemoved})
			}
		},
		"negotiation with strangers": func(l *liar) {
			for i := range uint64(5000) {
				l.control(wire.Control{
					Kind: wire.ControlSignal, Member: i, Session: i + 1, Seq: 1,
					Signal: wire.Negotiation{Kind: wire.Answer, SDP: plainOffer},
				})
			}
		},
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			lied := make(chan struct{})
			hostAsLiar(t, s, "room", func(l *liar) {
				lie(l)
				l.control(wire.Control{Kind: wire.ControlPing, Token: 1})
				for c := range l.heard { // until all of it was heard
					if c.Kind == wire.ControlPong {
						close(lied)
						return
					}
				}
			})
			before, routines := heap(), runtime.NumGoroutine()
			v := victim(t, s)
			select {
			case <-lied:
			case <-time.After(patience):
				t.Fatal("the host did not finish")
			}
			grown, more := int64(heap())-int64(before), runtime.NumGoroutine()-routines
			t.Logf("memory grew by %d KiB, goroutines by %d", grown>>10, more)
			if grown > 64<<20 {
				t.Errorf("memory grew by %d bytes", grown)
			}
			if most := 60 * 128; more > most {
				t.Errorf("%d goroutines more", more)
			}
			began := time.Now()
			v.Close()
			t.Logf("closed in %v", time.Since(began))
		})
	}
}

// A host that answers in another member's name is found out by its certificate.
func TestAHostCannotSpeakForAMember(t *testing.T) {
	s := newServer(t)
	const name = 0x1234567890abcdef
	ended := make(chan struct{})
	hostAsLiar(t, s, "room", func(l *liar) {
		// The connection that pretends to be the member's is the host's own.
		forger := newLiar(l.t, false)
		var seq, session atomic.Uint64 // candidates come from goroutines of pion's
		forger.signal = func(n wire.Negotiation) {
			l.control(wire.Control{Kind: wire.ControlSignal, Member: name, Session: session.Load(), Seq: seq.Add(1), Signal: n})
		}
		go func() {
			for {
				select {
				case c := <-l.heard:
					if c.Kind == wire.ControlSignal && (session.Load() == 0 || c.Session == session.Load()) {
						session.Store(c.Session)
						forger.hear(c.Signal)
					}
				case <-forger.ended:
					close(ended)
					return
				}
			}
		}()
		l.control(arrival(name, true))
	})
	v := victim(t, s)
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("the forger was not refused")
	}
	v.await("the host", func() bool { return len(v.here) > 0 })
	if v.conn(name) != 0 {
		t.Error("the host passed for another member")
	}
}

// A member that says to another what only the host may say, or that hosts on its
// own authority, loses that connection; the host's word is needed for the rest.
func TestALiarAmongClients(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]wire.Control{
		"a member's arrival":   arrival(7, true),
		"a member's departure": {Kind: wire.ControlGone, Member: 7, Reason: wire.ReasonRemoved},
		"negotiation":          {Kind: wire.ControlSignal, Member: 7, Session: 1, Seq: 1, Signal: wire.Negotiation{Kind: wire.Offer, SDP: plainOffer}},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, nil)
			tr.liar.awaitReady()
			met := tr.liar.answerMembers()
			for range 2 {
				var other *liar
				select {
				case other = <-met:
				case <-time.After(patience):
					t.Fatal("nobody offers to the newcomer")
				}
				other.awaitReady()
				other.control(lie)
				other.awaitEnd()
			}
			for _, w := range []*witness{tr.a, tr.b} {
				if code := w.fate(tr.liar); code != core.Protocol {
					t.Errorf("%s dropped it as %v", w.name, code)
				}
			}
			tr.unharmed()
		})
	}
}

// answerMembers connects a liar with the members that the host introduces to
// it, and returns the connections to them.
func (l *liar) answerMembers() <-chan *liar {
	met := make(chan *liar, 16)
	others := make(map[uint64]*liar)
	go func() {
		for {
			var c wire.Control
			select {
			case c = <-l.heard:
			case <-l.ended:
				return
			}
			if c.Kind != wire.ControlSignal {
				continue
			}
			other := others[c.Session]
			if other == nil {
				other = newLiarAs(l.t, false, l.cert)
				others[c.Session] = other
				var seq uint64
				other.signal = func(n wire.Negotiation) {
					other.mu.Lock()
					seq++
					m := wire.Control{Kind: wire.ControlSignal, Member: c.Member, Session: c.Session, Seq: seq, Signal: n}
					other.mu.Unlock()
					l.control(m)
				}
				met <- other
			}
			other.hear(c.Signal)
		}
	}()
	return met
}

// What a host may not say to its clients costs it theirs.
func TestALyingHostIsLeft(t *testing.T) {
	for name, lie := range map[string]func(l *liar) bool{
		"a forged origin": func(l *liar) bool {
			return l.say("reliable", []byte{wire.Version<<4 | 8 | byte(wire.SinglePacket), 1, 0, 0, 0, 0, 0, 0, 0, 1, 'x'})
		},
		"control noise": func(l *liar) bool { return l.say("p2p.control", []byte{byte(wire.ControlMember), 1}) },
		"a second hello": func(l *liar) bool {
			return l.control(l.hello)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			liars := make(chan *liar, 16)
			hostAsLiar(t, s, "room", func(l *liar) {
				lie(l)
				select {
				case liars <- l:
				default:
				}
			})
			v := victim(t, s)
			select {
			case l := <-liars:
				if code := v.fate(l); code != core.Protocol {
					t.Errorf("the host was left as %v", code)
				}
			case <-time.After(patience):
				t.Fatal("the client did not come")
			}
		})
	}
}
