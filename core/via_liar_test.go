package core_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"unityp2p/core"
	"unityp2p/core/wire"
)

// relays makes a liar say that it can be reached through the host.
func relays(l *liar) { l.hello.Capabilities = wire.CapabilityRelay }

// newRelayTrial is a room with a liar that a reaches through the host alone: it
// answers no offer.
func newRelayTrial(t *testing.T, change func(*core.Config)) (tr *trial, route uint64) {
	t.Helper()
	tr = &trial{t: t, server: newServer(t)}
	cfg := tr.server.config("room")
	cfg.ConnectTimeout = 2 * time.Second
	if change != nil {
		change(&cfg)
	}
	h, err := core.NewHost(cfg)
	if err != nil {
		t.Fatal(err)
	}
	tr.host = watch(t, "host", h)
	tr.a, tr.b = tr.join("a", cfg), tr.join("b", cfg)
	tr.a.await("b", func() bool { return tr.a.here[tr.b.Member()] != 0 })
	tr.liar = joinAsLiar(t, tr.server, "room", relays)
	tr.liar.awaitReady()
	route = tr.liar.greetVia(tr.a)
	tr.a.await("the liar", func() bool { return tr.a.here[tr.liar.member()] != 0 })
	return tr, route
}

// greetVia answers the hello that somebody says through the host.
func (l *liar) greetVia(w *witness) (route uint64) {
	l.t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case c := <-l.heard:
			if c.Kind != wire.ControlRelayed || c.Member != uint64(w.Member()) {
				continue
			}
			if inner, err := wire.ParseControl(c.Body); err != nil || inner.Kind != wire.ControlHello {
				l.t.Fatalf("%s begins by %x", w.name, c.Body)
			}
			l.whisper(w.Member(), c.Route, l.hello)
			return c.Route
		case <-deadline:
			l.t.Fatalf("%s does not call through the host", w.name)
		}
	}
}

// whisper sends a control message through the host.
func (l *liar) whisper(to core.MemberID, route uint64, c wire.Control) bool {
	return l.control(wire.Control{Kind: wire.ControlRelayed, Member: uint64(to), Route: route, Body: c.Append(nil)})
}

// whisperMuch sends large control messages through the host until it has had enough.
func (l *liar) whisperMuch(to core.MemberID, body []byte, route func(i uint64) uint64) {
	for i := range uint64(200) {
		if !l.control(wire.Control{Kind: wire.ControlRelayed, Member: uint64(to), Route: route(i), Body: body}) {
			return
		}
	}
}

// awaitRelayable waits until the host takes so much in all. It reports false if it does
// not: it passes nothing on any more.
func (l *liar) awaitRelayable(cost uint64) bool {
	for deadline := time.Now().Add(3 * time.Second); cost > max(l.relayable.Load(), wire.RelayWindow); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

func relayed(to core.MemberID, route uint64, plain []byte) []byte {
	return wire.AppendRelayed(nil, uint64(to), route, plain)
}

// hostVia hosts a room as a liar that passes on, and has member 9 come to it, who calls
// the victim through it.
func hostVia(t *testing.T, flags uint64, lie func(l *liar)) *witness {
	t.Helper()
	s := newServer(t)
	ws := dial(t, s)
	hostAsLiarWith(t, ws, "room", relays, func(l *liar) {
		l.control(wire.Control{Kind: wire.ControlMember, Member: 9, Flags: flags})
		l.whisper(9, 5, l.hello)
		lie(l)
	})
	return victim(t, s)
}

// A host can speak in a relayed member's name, and the docs say so. It cannot make a
// client hold more than it granted, nor believe in members whom it did not name.
func TestAHostLiesAboutWhatItPassesOn(t *testing.T) {
	t.Parallel()
	giant, small := string(make([]byte, 60000)), string(make([]byte, 100))
	for name, lie := range map[string]struct {
		flags uint64
		meets bool // the victim
		code  core.Code
		say   func(l *liar)
	}{
		"a member who does not relay": {0, false, 0, func(*liar) {}},
		"one who waits for an offer":  {wire.MemberRelay | wire.MemberOffer, false, 0, func(*liar) {}},
		"other members and routes": {wire.MemberRelay, true, 0, func(l *liar) {
			for i := range uint64(1000) {
				l.say("reliable", relayed(core.MemberID(i+10), 5, packet(wire.SinglePacket, 1, small)))
				l.say("reliable", relayed(9, i+6, packet(wire.SinglePacket, 1, small)))
				l.whisper(core.MemberID(i+10), 5, l.hello)
				l.whisper(9, i+6, wire.Control{Kind: wire.ControlBye, Reason: wire.ReasonLeft})
			}
		}},
		"more than was granted": {wire.MemberRelay, true, core.Protocol, func(l *liar) {
			for i := range uint64(200) {
				l.say("reliable", relayed(9, 5, packet(wire.SinglePacket, i+1, giant)))
			}
		}},
		"numbers that repeat": {wire.MemberRelay, true, core.Protocol, func(l *liar) {
			for range 2 {
				l.say("reliable", relayed(9, 5, packet(wire.SinglePacket, 1, "x")))
			}
		}},
		"its end": {wire.MemberRelay, true, core.Left, func(l *liar) {
			l.control(wire.Control{Kind: wire.ControlGone, Member: 9, Reason: wire.ReasonLeft})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			ready, lied := make(chan struct{}), make(chan struct{})
			v := hostVia(t, lie.flags, func(l *liar) {
				if lie.meets {
					l.awaitWord(9, wire.ControlHello)
				}
				<-ready
				lie.say(l)
				l.awaitPong()
				close(lied)
			})
			if lie.code == core.Protocol {
				v.pause() // takes nothing, and so grants nothing
				defer v.resume()
			}
			close(ready)
			select {
			case <-lied:
			case <-time.After(patience):
				t.Fatal("the host did not finish")
			}
			v.resume()
			if lie.meets {
				v.await("member 9", func() bool { return v.here[9] != 0 })
			}
			if lie.code != 0 {
				v.await("its end", func() bool { _, gone := v.gone[9]; return gone })
			}
			v.mu.Lock()
			defer v.mu.Unlock()
			if (v.here[9] != 0) != lie.meets || v.gone[9] != lie.code || len(v.gone) > 1 {
				t.Errorf("sees %v, and gone %v", v.here, v.gone)
			}
		})
	}
}

// awaitWord waits until somebody says something to a member through the liar.
func (l *liar) awaitWord(to uint64, kind wire.ControlKind) {
	for c := range l.heard {
		if c.Kind == wire.ControlRelayed && c.Member == to && c.Body[0] == byte(kind) {
			return
		}
	}
}

// awaitPong waits until all that the liar said was heard.
func (l *liar) awaitPong() {
	l.control(wire.Control{Kind: wire.ControlPing, Token: 1})
	for c := range l.heard {
		if c.Kind == wire.ControlPong {
			return
		}
	}
}

// The host's word is not enough to take the place of a connection by which a member
// proved itself.
func TestAHostCannotTakeADirectConnection(t *testing.T) {
	s := newServer(t)
	h, err := core.NewHost(s.config("room"))
	if err != nil {
		t.Fatal(err)
	}
	host := newPlayer(t, "h", h)
	a := join(t, "a", s.config("room"))
	meet(t, host, a)
	b := join(t, "b", s.config("room"))
	meet(t, host, a, b)
	conn := b.conn(a)
	hello := wire.Control{
		Kind: wire.ControlHello, Version: wire.Version, MaxMessage: 1000, MaxUnreliable: 1000, Limit: 1000,
	}
	h.Say(b.Member(), wire.Control{Kind: wire.ControlRelayed, Member: uint64(a.Member()), Route: 3, Body: hello.Append(nil)})
	h.Say(b.Member(), wire.Control{Kind: wire.ControlMember, Member: uint64(a.Member()), Flags: wire.MemberRelay})
	h.Say(b.Member(), wire.Control{Kind: wire.ControlRelayed, Member: uint64(a.Member()), Route: 4, Body: hello.Append(nil)})
	tell(t, "still here ", host, a, b)
	if b.conn(a) != conn || pathsOf(b)[a.Member()] == core.PathViaHost {
		t.Errorf("b reaches a by %v", pathsOf(b)[a.Member()])
	}
}

// A member that breaks the protocol through the host loses its connection to whom it
// lied to: the other member, or the host. Nobody speaks in another's name.
func TestAMemberLiesThroughTheHost(t *testing.T) {
	t.Parallel()
	ping := wire.Control{Kind: wire.ControlPing, Token: 1}
	hello := packet(wire.SinglePacket, 1, "hello")
	slow := func(c *core.Config) { c.ViaHostRate = 16 << 10 }
	const nobody, onlyA, all = 0, 1, 2
	for name, lie := range map[string]struct {
		loses  int // whom
		change func(*core.Config)
		say    func(l *liar, a, b core.MemberID, route uint64)
	}{
		"to nobody": {nobody, nil, func(l *liar, a, b core.MemberID, route uint64) {
			l.say("reliable", relayed(12345, route, hello))
			l.whisper(12345, route, ping)
		}},
		"to itself": {nobody, nil, func(l *liar, a, b core.MemberID, route uint64) {
			l.say("reliable", relayed(l.member(), route, hello))
			l.whisper(l.member(), route, l.hello)
		}},
		"on another route": {nobody, nil, func(l *liar, a, b core.MemberID, route uint64) {
			l.say("reliable", relayed(a, route+1, hello))
			l.say("unreliable", relayed(a, route+1, hello))
			l.whisper(a, route+1, wire.Control{Kind: wire.ControlBye, Reason: wire.ReasonLeft})
		}},
		"a late answer": {nobody, nil, func(l *liar, a, b core.MemberID, route uint64) {
			l.whisper(a, route+1, l.hello)
		}},
		"on the route of others": {nobody, nil, func(l *liar, a, b core.MemberID, route uint64) {
			l.say("reliable", relayed(b, route, hello))
			l.whisper(b, route, wire.Control{Kind: wire.ControlBye, Reason: wire.ReasonRemoved})
		}},
		"noise": {onlyA, nil, func(l *liar, a, b core.MemberID, route uint64) {
			l.say("reliable", relayed(a, route, []byte{wire.Version<<4 | 7, 1}))
		}},
		"a gap": {onlyA, nil, func(l *liar, a, b core.MemberID, route uint64) {
			l.say("reliable", relayed(a, route, packet(wire.SinglePacket, 2, "x")))
		}},
		"a route within": {onlyA, nil, func(l *liar, a, b core.MemberID, route uint64) {
			l.whisper(a, route, wire.Control{Kind: wire.ControlRelayed, Member: uint64(b), Route: route, Body: []byte{1}})
			l.whisper(a, route, l.hello)
		}},
		"control noise": {onlyA, nil, func(l *liar, a, b core.MemberID, route uint64) {
			l.control(wire.Control{Kind: wire.ControlRelayed, Member: uint64(a), Route: route, Body: []byte{byte(wire.ControlPing), 0xff}})
		}},
		"arrivals": {onlyA, nil, func(l *liar, a, b core.MemberID, route uint64) { l.whisper(a, route, arrival(7, true)) }},
		"more than a takes": {onlyA, nil, func(l *liar, a, b core.MemberID, route uint64) {
			sent := uint64(0)
			for i := range uint64(4 << 20 / 60000) {
				p := relayed(a, route, packet(wire.SinglePacket, i+1, string(make([]byte, 60000))))
				if sent += uint64(wire.RelayCost(len(p))); !l.awaitRelayable(sent) {
					return
				}
				l.say("reliable", p)
			}
		}},
		"more than the host takes": {all, slow, func(l *liar, a, b core.MemberID, route uint64) {
			for i := range uint64(30) {
				l.say("reliable", relayed(a, route, packet(wire.SinglePacket, i+1, string(make([]byte, 16000)))))
			}
		}},
		"too many pings": {all, nil, func(l *liar, a, b core.MemberID, route uint64) {
			l.whisperMuch(a, append(ping.Append(nil), make([]byte, 60000)...), func(uint64) uint64 { return route })
		}},
		"hellos": {all, nil, func(l *liar, a, b core.MemberID, route uint64) {
			l.whisperMuch(b, append(l.hello.Append(nil), make([]byte, 60000)...), func(i uint64) uint64 { return i })
		}},
		"credit": {all, nil, func(l *liar, a, b core.MemberID, route uint64) {
			l.control(wire.Control{Kind: wire.ControlRelayCredit, Member: uint64(a), Route: route, Limit: 1 << 40})
		}},
		"for no member": {all, nil, func(l *liar, a, b core.MemberID, route uint64) {
			l.say("unreliable", relayed(0, route, hello))
		}},
		"half a route": {all, nil, func(l *liar, a, b core.MemberID, route uint64) {
			l.say("reliable", binary.LittleEndian.AppendUint64([]byte{wire.Version<<4 | 8 | 1}, uint64(a)))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			tr, route := newRelayTrial(t, lie.change)
			if lie.loses == onlyA {
				tr.a.pause() // it takes nothing, and so grants no more
			}
			lie.say(tr.liar, tr.a.Member(), tr.b.Member(), route)
			switch lie.loses {
			case nobody: // it is heard like anybody else, and what it said before was not
				tr.liar.say("reliable", relayed(tr.a.Member(), route, packet(wire.SinglePacket, 1, "x")))
				tr.a.awaitMessages(tr.liar, 1)
			case onlyA:
				tr.awaitEndAt(tr.a, tr.liar)
			case all:
				tr.liar.awaitEnd()
				if code := tr.host.fate(tr.liar); code != core.Protocol {
					t.Errorf("the host dropped it as %v", code)
				}
				tr.a.fate(tr.liar)
			}
			if lie.loses != all && tr.host.gone[tr.liar.member()] != 0 {
				t.Error("the host dropped it")
			}
			tr.unharmed()
		})
	}
}

// awaitEndAt waits until a member that takes nothing has dropped the liar, and why.
func (tr *trial) awaitEndAt(w *witness, l *liar) {
	tr.t.Helper()
	member := l.member()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if !slices.ContainsFunc(w.Stats(nil), func(s core.Stats) bool { return s.Member == member }) {
			break
		}
		if time.Now().After(deadline) {
			tr.t.Fatalf("%s does not drop it", w.name)
		}
	}
	w.resume()
	if code := w.fate(l); code != core.Protocol {
		tr.t.Errorf("%s dropped it as %v", w.name, code)
	}
}

// awaitMessages waits until so many messages of the liar have come, and no more.
func (w *witness) awaitMessages(l *liar, want uint64) {
	w.t.Helper()
	member := l.member()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		for _, s := range w.Stats(nil) {
			switch {
			case s.Member != member || s.MessagesReceived < want:
			case s.MessagesReceived > want || s.Path != core.PathViaHost:
				w.t.Fatalf("%s got %d messages by %v", w.name, s.MessagesReceived, s.Path)
			default:
				return
			}
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s hears nothing of the liar", w.name)
		}
	}
}
