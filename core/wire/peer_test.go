package wire

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestPacketRoundTrips(t *testing.T) {
	single := append(AppendPacketHead(nil, SinglePacket, 7), "hello"...)
	batch := AppendPacketHead(nil, BatchPacket, 300)
	batch = AppendMessage(AppendMessage(batch, nil), []byte("ab"))
	tests := []struct {
		name   string
		packet []byte
		want   Packet
	}{
		{"single", single, Packet{Kind: SinglePacket, Seq: 7, Body: []byte("hello")}},
		{"empty single", AppendPacketHead(nil, SinglePacket, 1), Packet{Kind: SinglePacket, Seq: 1, Body: []byte{}}},
		{"batch", batch, Packet{Kind: BatchPacket, Seq: 300, Body: []byte{0, 2, 'a', 'b'}}},
		{
			"fragment", AppendFragment(nil, 9, 65003, 65000, []byte("xyz")),
			Packet{Kind: FragmentPacket, Seq: 9, Total: 65003, Offset: 65000, Body: []byte("xyz")},
		},
		{
			"relayed", []byte{Version<<4 | memberFlag | byte(SinglePacket), 1, 0, 0, 0, 0, 0, 0, 0x80, 0x82, 1, 5, 'm'},
			Packet{Kind: SinglePacket, Member: 0x8000000000000001, Route: 130, Seq: 5, Body: []byte("m")},
		},
	}
	for _, tt := range tests {
		got, err := ParsePacket(tt.packet)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
	}
	body := batch[3:]
	first, rest, err := NextMessage(body)
	if err != nil || len(first) != 0 {
		t.Fatalf("first message of the batch: %q, %v", first, err)
	}
	second, rest, err := NextMessage(rest)
	if err != nil || string(second) != "ab" || len(rest) != 0 {
		t.Fatalf("second message of the batch: %q, rest %q, %v", second, rest, err)
	}
}

func TestParsePacketRefuses(t *testing.T) {
	big := AppendFragment(nil, 1, MaxFragment*2, 0, make([]byte, MaxFragment+1))
	for name, p := range map[string][]byte{
		"nothing":               {},
		"one byte":              {Version<<4 | 1},
		"another version":       {0x21, 1, 'x'},
		"kind 0":                {Version << 4, 1},
		"kind 7":                {Version<<4 | 7, 1},
		"number 0":              {Version<<4 | 1, 0},
		"number cut":            {Version<<4 | 1, 0x80},
		"number too long":       append([]byte{Version<<4 | 1}, bytes.Repeat([]byte{0x80}, 11)...),
		"member cut":            {Version<<4 | memberFlag | 1, 1, 2, 3},
		"member 0":              {Version<<4 | memberFlag | 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1},
		"route cut":             {Version<<4 | memberFlag | 1, 1, 0, 0, 0, 0, 0, 0, 0, 0x80},
		"empty fragment":        AppendFragment(nil, 1, 10, 5, nil),
		"fragment past the end": AppendFragment(nil, 1, 10, 8, []byte("abc")),
		"fragment too small":    AppendFragment(nil, 1, 5000, 0, make([]byte, MinFragment-1)),
		"offset past the end":   AppendFragment(nil, 1, 10, 10, []byte("a")),
		"offset wraps":          AppendFragment(nil, 1, ^uint64(0), ^uint64(0)-1, []byte("abc")),
		"fragment too large":    big,
	} {
		if got, err := ParsePacket(p); err == nil {
			t.Errorf("%s: accepted as %+v", name, got)
		}
	}
	if _, _, err := NextMessage([]byte{5, 'a'}); err == nil {
		t.Error("a batch entry longer than the packet was accepted")
	}
}

// What a client sends to another through the host comes out of the other end as
// it went in.
func TestRelayedPacketsRoundTrip(t *testing.T) {
	for _, plain := range [][]byte{
		append(AppendPacketHead(nil, SinglePacket, 7), "hello"...),
		AppendPacketHead(nil, SinglePacket, 1),
		AppendFragment(nil, 9, 65003, 65000, []byte("xyz")),
	} {
		for _, route := range []uint64{0, 5, MaxRoute, 1 << 63} {
			p := AppendRelayed([]byte("before"), 0xabc, route, plain)[len("before"):]
			if !Relayed(p) || Relayed(plain) {
				t.Errorf("%x of %x: relayed %v, %v", p, plain, Relayed(p), Relayed(plain))
			}
			Readdress(p, 1<<63)
			member, got, ok := RelayedBy(p)
			if !ok || member != 1<<63 || got != route {
				t.Errorf("%x is by %x on route %d, %v", p, member, got, ok)
			}
			if got := Unrelayed(p); !bytes.Equal(got, plain) {
				t.Errorf("got %x, want %x", got, plain)
			}
		}
	}
	for name, p := range map[string][]byte{
		"nothing":     {},
		"plain":       AppendPacketHead(nil, SinglePacket, 1),
		"no member":   {Version<<4 | memberFlag | 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1},
		"cut":         {Version<<4 | memberFlag | 1, 1, 2, 3, 4, 5, 6, 7, 8},
		"version 2":   {0x20 | memberFlag | 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1},
		"much":        AppendRelayed(nil, 1, 1, make([]byte, MaxPacket)),
		"route cut":   {Version<<4 | memberFlag | 1, 1, 0, 0, 0, 0, 0, 0, 0, 0x80},
		"empty route": {Version<<4 | memberFlag | 1, 1, 0, 0, 0, 0, 0, 0, 0},
	} {
		if member, route, ok := RelayedBy(p); ok {
			t.Errorf("%s: by %x on route %d", name, member, route)
		}
	}
}

func TestControlRoundTrips(t *testing.T) {
	for _, c := range []Control{
		{Kind: ControlHello, Version: 1, Flags: HelloHost, MaxMessage: 16 << 20, MaxUnreliable: 1 << 18, Limit: 2 << 20},
		{Kind: ControlHello, Version: 1, Capabilities: CapabilityRestart, MaxMessage: 1, MaxUnreliable: 1, Secret: RestartSecret{1, 2}},
		{Kind: ControlMember, Member: 1 << 63, Flags: MemberOffer},
		{Kind: ControlGone, Member: 5, Reason: ReasonRemoved},
		{Kind: ControlSignal, Member: 9, Session: 77, Seq: 3, Ack: 2, Signal: Negotiation{Kind: Offer, SDP: "v=0\r\n"}},
		{Kind: ControlSignal, Member: 9, Session: 77, Seq: 3, Signal: Negotiation{
			Kind: Candidate, Candidate: "candidate:1", SDPMid: "0", SDPMLineIndex: 2, UsernameFragment: "u",
		}},
		{Kind: ControlCredit, Channel: ChannelReliable, Limit: 1 << 40, Ack: 12},
		{Kind: ControlPing, Token: 1 << 50},
		{Kind: ControlPong},
		{Kind: ControlBye, Reason: ReasonLeft, Seq: 1000},
		{Kind: ControlCarry, Member: 1 << 40, Body: []byte("sealed")},
		{Kind: ControlCarried, Member: 3, Body: []byte{}},
		{Kind: ControlRelayCredit, Member: 1 << 62, Route: MaxRoute, Limit: 1 << 33},
	} {
		p := c.Append(nil)
		got, err := ParseControl(p)
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("got %+v, %v; want %+v", got, err, c)
		}
		if later, err := ParseControl(append(p, 1, 2, 3)); err != nil || !reflect.DeepEqual(later, c) {
			t.Errorf("kind %d with fields of a later version: %+v, %v", c.Kind, later, err)
		}
		for n := 1; n < len(p); n++ {
			if got, err := ParseControl(p[:n]); err == nil {
				t.Errorf("kind %d cut to %d of %d bytes was accepted as %+v", c.Kind, n, len(p), got)
			}
		}
	}
	relayed := Control{Kind: ControlRelayed, Member: 7, Route: 300, Body: []byte{byte(ControlPing), 5}}
	if got, err := ParseControl(relayed.Append(nil)); err != nil || !reflect.DeepEqual(got, relayed) {
		t.Errorf("got %+v, %v; want %+v", got, err, relayed)
	}
	if got, err := ParseControl([]byte{200, 1, 2}); err != nil || got.Kind != 200 {
		t.Errorf("an unknown kind must decode, to be ignored: %+v, %v", got, err)
	}
	for name, p := range map[string][]byte{
		"nothing":          {},
		"too long":         []byte(strings.Repeat("x", MaxControl+1)),
		"relayed nothing":  {byte(ControlRelayed), 1, 0, 0, 0, 0, 0, 0, 0, 1},
		"relayed by none":  {byte(ControlRelayed), 0, 0, 0, 0, 0, 0, 0, 0, 1, 6, 1},
		"relayed too long": append([]byte{byte(ControlRelayed), 1, 0, 0, 0, 0, 0, 0, 0, 1}, make([]byte, MaxRelayedControl+1)...),
		"signal of kind 9": {byte(ControlSignal), 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 9},
	} {
		if got, err := ParseControl(p); err == nil {
			t.Errorf("%s: accepted as %+v", name, got)
		}
	}
}

func FuzzParsePacket(f *testing.F) {
	f.Add(append(AppendPacketHead(nil, SinglePacket, 7), "hello"...))
	f.Add(AppendMessage(AppendPacketHead(nil, BatchPacket, 1), []byte("ab")))
	f.Add(AppendFragment(nil, 9, 65003, 65000, []byte("xyz")))
	f.Add(AppendRelayed(nil, 1<<63, 300, AppendFragment(nil, 9, 65003, 65000, []byte("xyz"))))
	f.Add(AppendRelayed(nil, 1, MaxRoute, append(AppendPacketHead(nil, SinglePacket, 7), "hello"...)))
	f.Fuzz(func(t *testing.T, p []byte) {
		k, err := ParsePacket(p)
		member, route, relayed := RelayedBy(p)
		if err != nil {
			return
		}
		if relayed != (k.Member != 0) || relayed && (member != k.Member || route != k.Route) {
			t.Fatalf("relayed %v by %x on %d, but %+v", relayed, member, route, k)
		}
		if relayed {
			k.Member, k.Route = 0, 0
			if plain, err := ParsePacket(Unrelayed(bytes.Clone(p))); err != nil || !reflect.DeepEqual(plain, k) {
				t.Fatalf("%x is %+v without its member, and not %+v; %v", p, plain, k, err)
			}
		}
		if k.Kind == FragmentPacket && k.Offset+uint64(len(k.Body)) > k.Total {
			t.Fatalf("fragment outside its message: %+v", k)
		}
		for body := k.Body; k.Kind == BatchPacket && len(body) > 0; {
			if _, body, err = NextMessage(body); err != nil {
				return
			}
		}
	})
}

func FuzzParseControl(f *testing.F) {
	c := Control{Kind: ControlSignal, Member: 9, Session: 77, Seq: 3, Signal: Negotiation{Kind: Answer, SDP: "v=0"}}
	f.Add(c.Append(nil))
	f.Add([]byte{byte(ControlHello), 1, 1, 0, 4, 4, 4})
	f.Add([]byte{byte(ControlRelayed), 1, 2, 3, 4, 5, 6, 7, 8, 9, byte(ControlPing), 5})
	f.Add([]byte{byte(ControlRelayCredit), 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x80, 0x80, 4})
	f.Fuzz(func(t *testing.T, p []byte) {
		c, err := ParseControl(p)
		if err != nil {
			return
		}
		again, err := ParseControl(c.Append(nil))
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("decoded %+v, encoded and decoded again %+v, %v", c, again, err)
		}
	})
}
