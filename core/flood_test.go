package core_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"unityp2p/core"
	"unityp2p/core/wire"
)

// floodTime is how long a flood lasts that its victim has no reason to end.
const floodTime = 2 * time.Second

// until repeats f for a while, or until it reports false.
func until(f func(i uint64) bool) {
	end := time.Now().Add(floodTime)
	for i := uint64(1); time.Now().Before(end) && f(i); i++ {
		continue
	}
}

// A member that floods loses its connection if it breaks a rule by that, and is
// served like everybody else if not. The others do not notice, and memory stays
// bounded.
func TestALiarFloods(t *testing.T) {
	kilobyte, giant := make([]byte, 1024), make([]byte, 60000)
	ping := wire.Control{Kind: wire.ControlPing, Token: 1}
	signal := func(to core.MemberID, i uint64, n wire.Negotiation) wire.Control {
		return wire.Control{Kind: wire.ControlSignal, Member: uint64(to), Session: i, Seq: 1, Signal: n}
	}
	offer := wire.Negotiation{Kind: wire.Offer, SDP: "v=0"}
	candidate := wire.Negotiation{Kind: wire.Candidate, Candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host"}
	carry := func(kind wire.ControlKind, of core.MemberID) wire.Control {
		return wire.Control{Kind: kind, Member: uint64(of), Body: append([]byte{1}, giant[:wire.MaxRestart-1]...)}
	}
	floods := []struct {
		name    string
		dropped bool // it breaks a rule
		once    func(tr *trial, l *liar, i uint64) bool
	}{
		{"unreliable messages", false, func(_ *trial, l *liar, i uint64) bool {
			return l.say("unreliable", append(wire.AppendPacketHead(nil, wire.SinglePacket, i), kilobyte...))
		}},
		{"beginnings of unreliable giants", false, func(_ *trial, l *liar, i uint64) bool {
			return l.say("unreliable", wire.AppendFragment(nil, i, wire.MaxUnreliableMessage, 0, kilobyte))
		}},
		{"reliable messages beyond its credit", true, func(tr *trial, l *liar, i uint64) bool {
			return l.say("reliable", append(wire.AppendPacketHead(nil, wire.SinglePacket, i), giant...))
		}},
		{"pings", false, func(_ *trial, l *liar, _ uint64) bool { return l.control(ping) }},
		{"unknown control messages", false, func(_ *trial, l *liar, _ uint64) bool {
			return l.say("p2p.control", append([]byte{99}, kilobyte...))
		}},
		{"restart messages for another member", false, func(tr *trial, l *liar, _ uint64) bool {
			return l.control(carry(wire.ControlCarry, tr.a.Member()))
		}},
		{"restart messages in another's name", false, func(tr *trial, l *liar, _ uint64) bool {
			return l.control(carry(wire.ControlCarried, tr.a.Member()))
		}},
		{"offers to another member", true, func(tr *trial, l *liar, i uint64) bool {
			return l.control(signal(tr.a.Member(), i, offer))
		}},
		{"candidates to another member", true, func(tr *trial, l *liar, i uint64) bool {
			return l.control(signal(tr.a.Member(), 1, candidate))
		}},
		{"offers to nobody", true, func(_ *trial, l *liar, i uint64) bool {
			return l.control(signal(core.MemberID(rand.Uint64()), i, offer))
		}},
	}
	for _, flood := range floods {
		t.Run(flood.name, func(t *testing.T) {
			tr := newTrial(t, nil)
			tr.liar.awaitReady()
			tr.host.await("the liar", func() bool { return tr.host.here[tr.liar.member()] != 0 })
			if flood.dropped {
				// A host that takes nothing grants no credit.
				tr.deaf = true
				tr.host.pause()
				defer tr.host.resume()
			}
			tr.during(func() {
				until(func(i uint64) bool { return flood.once(tr, tr.liar, i) })
			})
			if !flood.dropped {
				tr.liar.control(wire.Control{Kind: wire.ControlBye, Reason: wire.ReasonLeft})
				if code := tr.host.fate(tr.liar); code == core.Protocol {
					t.Errorf("it was dropped as %v", code)
				}
				return
			}
			tr.liar.awaitEnd()
			tr.host.resume()
			if code := tr.host.fate(tr.liar); code != core.Protocol {
				t.Errorf("it was dropped as %v", code)
			}
		})
	}
}

// What a stranger says through the signaling server is bounded too.
func TestAStrangerFloods(t *testing.T) {
	for name, say := range map[string]func(ws *socket, i uint64){
		"candidates before an offer": func(ws *socket, i uint64) {
			ws.say(1, wire.Negotiation{Kind: wire.Candidate, Candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host"})
		},
		"offers": func(ws *socket, i uint64) { ws.say(1, wire.Negotiation{Kind: wire.Offer, SDP: "v=0"}) },
		"numbers": func(ws *socket, i uint64) {
			ws.say(1, wire.Negotiation{Kind: wire.RoleNumber, Number: int32(i)})
		},
		"links that are dropped at once": func(ws *socket, i uint64) {
			ws.send(wire.Frame{Type: wire.NewConnection, DataType: wire.Text, ID: 2, Data: []byte(wire.AddressOf("room"))})
			ws.say(2, wire.Negotiation{Kind: wire.Offer, SDP: plainOffer})
			ws.send(wire.Frame{Type: wire.Disconnected, ID: 2})
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, nil)
			ws := dial(t, tr.server)
			var linked sync.WaitGroup
			linked.Add(1)
			var once sync.Once
			go ws.run(func(f wire.Frame) {
				if f.Type == wire.NewConnection {
					once.Do(linked.Done)
				}
			})
			ws.send(wire.Frame{Type: wire.NewConnection, DataType: wire.Text, ID: 1, Data: []byte(wire.AddressOf("room"))})
			linked.Wait()
			tr.during(func() {
				until(func(i uint64) bool { say(ws, i); return true })
			})
		})
	}
}

const plainOffer = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n" +
	"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n" +
	"a=ice-ufrag:Wt5g\r\na=ice-pwd:nD9ZyUkGOmIzXmGqa2dGCLE9\r\na=ice-options:trickle\r\n" +
	"a=fingerprint:sha-256 0D:8C:6B:1D:0E:C3:5E:BB:5F:40:1B:33:A7:E2:6C:0B:3E:5A:95:11:35:6C:54:1C:87:2F:B1:56:91:1A:6F:CA\r\n" +
	"a=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"
