package wire

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	p, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFramesAreThoseOfTheProtocol(t *testing.T) {
	room := []byte("r\x00o\x00o\x00m\x001\x00")
	for encoded, want := range map[string]Frame{
		"0302ffff 05000000 72006f006f006d003100": {Type: ServerInitialized, DataType: Text, ID: -1, Data: room},
		"0500ffff":                               {Type: ServerClosed, ID: -1},
		"06000040":                               {Type: NewConnection, ID: 16384},
		"02010100 00000000":                      {Type: ReliableMessage, DataType: Bytes, ID: 1, Data: []byte{}},
		"01010080 02000000 0102":                 {Type: UnreliableMessage, DataType: Bytes, ID: -32768, Data: []byte{1, 2}},
		"c902":                                   {Type: VersionFrame, Version: 2},
		"ca":                                     {Type: HeartbeatFrame},
		"0402ffff 05000000 72006f006f006d003100": {Type: ServerInitFailed, DataType: Text, ID: -1, Data: room},
		"06020100 05000000 72006f006f006d003100": {Type: NewConnection, DataType: Text, ID: 1, Data: room},
		"06000100":                               {Type: NewConnection, ID: 1},
		"07000100":                               {Type: ConnectionFailed, ID: 1},
		"08000140":                               {Type: Disconnected, ID: 16385},
		"02010040 00000000":                      {Type: ReliableMessage, DataType: Bytes, ID: 16384, Data: []byte{}},
		"02000100":                               {Type: ReliableMessage, ID: 1},
	} {
		p := unhex(t, encoded)
		got, err := ParseFrame(p)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v; want %+v", encoded, got, err, want)
		}
		if again := want.Append(nil); !bytes.Equal(again, p) {
			t.Errorf("%+v encodes as %x; want %s", want, again, encoded)
		}
	}
	if f, err := ParseFrame(unhex(t, "02010100 01000000 aabb")); err != nil || !bytes.Equal(f.Data, []byte{0xaa}) {
		t.Errorf("bytes after the data: %+v, %v", f, err)
	}
	for _, wrong := range []string{
		"", "c9", "03", "0302", "0302ff", "0302ffff", "0302ffff 000000", "0302ffff 01000000 72",
		"0301ffff ffffffff 00", "0302ffff ffffff7f 0000", "0303ffff 00000000", "00000000", "09000000",
	} {
		if f, err := ParseFrame(unhex(t, wrong)); err == nil {
			t.Errorf("%q was read as %+v", wrong, f)
		}
	}
}

func TestAddresses(t *testing.T) {
	for text, units := range map[string]int{"": 0, "room": 4, "é": 1, "e\u0301": 2, "😀": 2, "\x00": 1, "\ufeff": 1} {
		a := AddressOf(text)
		if a.Units() != units || a.String() != text {
			t.Errorf("%q: %d units, back as %q", text, a.Units(), a.String())
		}
	}
	if AddressOf("é") == AddressOf("e\u0301") {
		t.Error("text is not to be normalised")
	}
}

func TestNegotiationRoundTrips(t *testing.T) {
	for _, n := range []Negotiation{
		{Kind: RoleNumber, Number: 2147483646},
		{Kind: Offer, SDP: "v=0\r\ns=-\r\n"},
		{Kind: Answer, SDP: "v=0\r\ns=<😀>\r\n"},
		{Kind: Candidate, Candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host", SDPMid: "0", SDPMLineIndex: 3, UsernameFragment: "abc"},
		{Kind: Candidate, Candidate: ""},
	} {
		got, err := ParseNegotiation(n.Append(nil))
		if err != nil || got != n {
			t.Errorf("got %+v, %v; want %+v", got, err, n)
		}
	}
}

func TestNegotiationAsOthersReadIt(t *testing.T) {
	for want, n := range map[string]Negotiation{
		"7":                                 {Kind: RoleNumber, Number: 7},
		`{"type":"offer","sdp":"v=0\r\n"}`:  {Kind: Offer, SDP: "v=0\r\n"},
		`{"type":"answer","sdp":"v=0\r\n"}`: {Kind: Answer, SDP: "v=0\r\n"},
		`{"candidate":"c","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"u"}`:   {Kind: Candidate, Candidate: "c", SDPMid: "0", UsernameFragment: "u"},
		`{"candidate":"c","sdpMid":null,"sdpMLineIndex":1,"usernameFragment":null}`: {Kind: Candidate, Candidate: "c", SDPMLineIndex: 1},
	} {
		if got := Address(n.Append(nil)); got != AddressOf(want) {
			t.Errorf("%+v is written as %s; want %s", n, got, want)
		}
	}
	if got := (Frame{Type: ReliableMessage, DataType: Text, Data: []byte("a\x00b")}).Append(nil); len(got) != 10 {
		t.Errorf("half a code unit was written: %x", got)
	}
}

func TestNegotiationAsOthersWriteIt(t *testing.T) {
	for text, want := range map[string]Negotiation{
		"1":                           {Kind: RoleNumber, Number: 1},
		`{"sdp":"x","type":"answer"}`: {Kind: Answer, SDP: "x"},
		`{"usernameFragment":null,"sdpMLineIndex":1,"sdpMid":null,"candidate":"c"}`: {Kind: Candidate, Candidate: "c", SDPMLineIndex: 1},
		`{"candidate":"c"}`:                        {Kind: Candidate, Candidate: "c"},
		`{"unityp2pRestart":"AQID","member":"fe"}`: {Kind: Restarting, Restart: "\x01\x02\x03", Member: 254},
		`{"unityp2pRestart":"AQID"}`:               {Kind: Restarting, Restart: "\x01\x02\x03"},
	} {
		got, err := ParseNegotiation([]byte(AddressOf(text)))
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "x", "-1", "+1", "1.5", " 1", "2147483648", "99999999999999999999", "{}", "[]", `{"type":"offer"}`, `{"type":"pranswer","sdp":"x"}`,
		`{"type":5,"sdp":"x"}`, `{"candidate":5}`, `{"unityp2pRestart":""}`, `{"unityp2pRestart":"AQID","member":"0x1"}`, `{"unityp2pRestart":"?"}`, `{"candidate":"c","sdpMLineIndex":-1}`, `{"candidate":"c","sdpMLineIndex":70000}`, "{",
	} {
		if n, err := ParseNegotiation([]byte(AddressOf(text))); err == nil {
			t.Errorf("%s was read as %+v", text, n)
		}
	}
	if _, err := ParseNegotiation([]byte{'1'}); err == nil {
		t.Error("half a code unit was read")
	}
	if _, err := ParseNegotiation(make([]byte, maxNegotiation+2)); err == nil {
		t.Error("a message over the limit was read")
	}
}

func FuzzParseFrame(f *testing.F) {
	f.Add([]byte("\x03\x02\xff\xff\x01\x00\x00\x00r\x00"))
	f.Add([]byte("\x02\x01\x00\x40\x00\x00\x00\x00"))
	f.Add([]byte("\x01\x01\x01\x00\xff\xff\xff\xff\x00"))
	f.Add([]byte("\x08\x00\x01\x40"))
	f.Add([]byte{0xc9, 2})
	f.Add([]byte{0xca})
	f.Fuzz(func(t *testing.T, p []byte) {
		frame, err := ParseFrame(p)
		if err != nil {
			return
		}
		again, err := ParseFrame(frame.Append(nil))
		if err != nil || !reflect.DeepEqual(again, frame) {
			t.Fatalf("%+v came back as %+v, %v", frame, again, err)
		}
	})
}

func FuzzParseNegotiation(f *testing.F) {
	f.Add([]byte(AddressOf(`{"type":"offer","sdp":"v=0"}`)))
	f.Add([]byte(AddressOf(`{"candidate":"c","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":null}`)))
	f.Add([]byte(AddressOf("12")))
	f.Add([]byte(AddressOf(`{"unityp2pRestart":"AQID"}`)))
	f.Add([]byte(AddressOf(`{"unityp2pRestart":"AQID","member":"00000000000000ff"}`)))
	f.Fuzz(func(t *testing.T, p []byte) {
		n, err := ParseNegotiation(p)
		if err != nil {
			return
		}
		encoded := n.Append(nil)
		if len(encoded) > maxNegotiation {
			return // what JSON escapes takes more room
		}
		if again, err := ParseNegotiation(encoded); err != nil || again != n {
			t.Fatalf("%+v came back as %+v, %v", n, again, err)
		}
	})
}
