package wire

import (
	"bytes"
	"reflect"
	"testing"
)

func TestCopiesRoundTrip(t *testing.T) {
	for _, original := range [][]byte{
		append(AppendPacketHead(nil, SinglePacket, 7), "hello"...),
		AppendPacketHead(nil, SinglePacket, 1),
		AppendMessage(AppendPacketHead(nil, BatchPacket, 300), []byte("ab")),
	} {
		before := bytes.Clone(original)
		want, err := ParsePacket(original)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParsePacket(AppendCopy([]byte("before"), original)[len("before"):])
		if err != nil || got.Kind == want.Kind || !bytes.Equal(original, before) {
			t.Errorf("the copy of %x is %+v, %v", before, got, err)
		}
		var ok bool
		if got.Kind, ok = got.Kind.Original(); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("a copy of %+v, %v; want %+v", got, ok, want)
		}
	}
	for _, k := range []PacketKind{SinglePacket, BatchPacket, FragmentPacket, GotPacket} {
		if original, ok := k.Original(); ok {
			t.Errorf("kind %d is a copy of %d", k, original)
		}
	}
}

func parseGot(t *testing.T, p []byte, last uint64) (Got, error) {
	t.Helper()
	k, err := ParsePacket(p)
	if err != nil || k.Kind != GotPacket {
		t.Fatalf("%x is %+v, %v", p, k, err)
	}
	var g Got
	err = k.Got(&g, last)
	return g, err
}

func TestGotRoundTrips(t *testing.T) {
	for _, g := range []Got{
		{Missing: 1},
		{Missing: 300, Behind: 299},
		{Missing: 10, Behind: 2, Ahead: []Span{{11, 1}, {20, 5}, {1000, 2000}}},
		{Missing: 3000},
	} {
		got, err := parseGot(t, g.Append(nil), 2999)
		if err != nil || got.Missing != g.Missing || got.Behind != g.Behind || !reflect.DeepEqual(append([]Span(nil), got.Ahead...), g.Ahead) {
			t.Errorf("got %+v, %v; want %+v", got, err, g)
		}
	}
	var many Got
	many.Missing = 1
	for i := range uint64(2 * MaxSpans) {
		many.Ahead = append(many.Ahead, Span{2 + 2*i, 1})
	}
	if got, err := parseGot(t, many.Append(nil), 1000); err != nil || !reflect.DeepEqual(got.Ahead, many.Ahead[:MaxSpans]) {
		t.Errorf("of many spans came %v, %v", got.Ahead, err)
	}
}

func TestGotRefuses(t *testing.T) {
	head := func(missing uint64, body ...byte) []byte {
		return append(AppendPacketHead(nil, GotPacket, missing), body...)
	}
	most := []byte{0}
	for range MaxSpans + 1 {
		most = append(most, 1, 1)
	}
	for name, p := range map[string][]byte{
		"nothing":                 head(1),
		"cut":                     head(1, 0x80),
		"missing what was not":    head(102, 0),
		"behind the first":        head(5, 5),
		"span cut":                head(5, 0, 1),
		"span without a gap":      head(5, 0, 0, 1),
		"empty span":              head(5, 0, 1, 0),
		"span beyond the last":    head(5, 0, 1, 96),
		"second beyond the last":  head(5, 0, 1, 1, 94, 1),
		"a gap that wraps":        append(head(5, 0), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1),
		"a count that wraps":      append(head(5, 0, 1), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
		"more spans than allowed": head(5, most...),
	} {
		if g, err := parseGot(t, p, 100); err == nil {
			t.Errorf("%s: accepted as %+v", name, g)
		}
	}
	if g, err := parseGot(t, head(5, 0, 1, 95), 100); err != nil || g.Ahead[0] != (Span{6, 95}) {
		t.Errorf("all up to the last: %+v, %v", g, err)
	}
}

func FuzzGot(f *testing.F) {
	g := Got{Missing: 10, Behind: 2, Ahead: []Span{{11, 1}, {20, 5}}}
	f.Add(uint64(100), g.Append(nil))
	f.Add(uint64(24), g.Append(nil))
	f.Fuzz(func(t *testing.T, last uint64, p []byte) {
		k, err := ParsePacket(p)
		if err != nil || k.Kind != GotPacket {
			return
		}
		var g Got
		last %= 1 << 62
		if k.Got(&g, last) != nil {
			return
		}
		from := g.Missing
		if from > last+1 || g.Behind >= from {
			t.Fatalf("%+v of %d", g, last)
		}
		for _, s := range g.Ahead {
			if s.First <= from || s.Count == 0 || s.First+s.Count > last+1 {
				t.Fatalf("%+v of %d", g, last)
			}
			from = s.First + s.Count
		}
		if again, err := parseGot(t, g.Append(nil), last); err != nil || !reflect.DeepEqual(again, g) {
			t.Fatalf("%+v is then %+v, %v", g, again, err)
		}
	})
}
