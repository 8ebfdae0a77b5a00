package link

import (
	"bytes"
	"testing"

	"unityp2p/core/wire"
)

// exchanging are two clients' links at a host, which nobody serves: what they say waits
// in what the other's carries.
func exchanging(t *testing.T) (first, second *Link) {
	t.Helper()
	engine, e := newTestEngine(t, nil), NewExchange(0)
	first, second = engine.blank(nil, 0, false), engine.blank(nil, 0, false)
	first.member, second.member = 1, 2
	e.Add(first)
	e.Add(second)
	return first, second
}

// whisper says a control message to another client.
func (l *Link) whisper(to *Link, route uint64, c wire.Control) bool {
	return l.port.control(&wire.Control{Kind: wire.ControlRelayed, Member: to.member, Route: route, Body: c.Append(nil)})
}

func aHello() wire.Control {
	return wire.Control{Kind: wire.ControlHello, Version: wire.Version, MaxMessage: 1, MaxUnreliable: 1}
}

// Hello and data travel on channels of their own: what is said right after hello may
// come to the host before it.
func TestTheHostPassesOnWhatOvertakesAHello(t *testing.T) {
	first, second := exchanging(t)
	first.whisper(second, 7, aHello())
	plain := append(wire.AppendPacketHead(nil, wire.SinglePacket, 1), 'x')
	if !second.port.packet(reliable, wire.AppendRelayed(nil, first.member, 7, plain)) {
		t.Fatal("it breaks the protocol")
	}
	second.whisper(first, 7, aHello())
	first.carriage.next(reliable, nil) // the link's own turn
	packet, _ := first.carriage.next(reliable, nil)
	if want := wire.AppendRelayed(nil, second.member, 7, plain); !bytes.Equal(packet, want) {
		t.Errorf("%x is passed on, want %x", packet, want)
	}
}

// Nobody has to hear from whom it does not know.
func TestTheHostPassesOnNothingToWhoSaidNoHello(t *testing.T) {
	first, second := exchanging(t)
	first.whisper(second, 7, aHello())
	plain := append(wire.AppendPacketHead(nil, wire.SinglePacket, 1), 'x')
	if !first.port.packet(reliable, wire.AppendRelayed(nil, second.member, 7, plain)) {
		t.Fatal("it breaks the protocol")
	}
	if n := second.carriage.waiting[reliable].Load(); n != 0 {
		t.Errorf("%d packets are passed on", n)
	}
}

// A connection costs its receiver a link, and the host what waits: nobody may begin ever
// new ones, and what the newer ones took the place of is gone, whether or not its
// receiver takes anything.
func TestNobodyBeginsEverNewConnections(t *testing.T) {
	first, second := exchanging(t)
	begun := uint64(0)
	for begun < 1000 && first.whisper(second, begun+1, aHello()) {
		begun++
	}
	if begun < connectBurst || begun == 1000 {
		t.Errorf("%d connections may be begun at once, want %d", begun, connectBurst)
	}
	c := second.carriage
	if len(c.active[control]) != 1 || c.waiting[control].Load() != 1 {
		t.Errorf("%d connections wait, and %d are counted; want one", len(c.active[control]), c.waiting[control].Load())
	}
	if packet, _ := c.next(control, nil); packet == nil {
		t.Error("nothing waits of the last")
	} else if m, err := wire.ParseControl(packet); err != nil || m.Route != begun {
		t.Errorf("%+v waits (%v), want the hello on %d", m, err, begun)
	}
	if packet, _ := c.next(control, nil); packet != nil {
		t.Errorf("%x waits as well", packet)
	}
}
