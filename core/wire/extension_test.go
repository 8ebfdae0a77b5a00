package wire

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

// These bytes are those of docs/protocol.md.
func TestExtensionsAreThoseOfTheProtocol(t *testing.T) {
	secret := Secret{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	for encoded, want := range map[string]Extension{
		"01 010400 61006200 021000 0102030405060708090a0b0c0d0e0f10 030400 07000000": {
			Kind: ExtResume, Address: AddressOf("ab"), Secret: secret, Received: 7, Resumed: true,
		},
		"02 010200 6100 021000 0102030405060708090a0b0c0d0e0f10 040400 10270000": {
			Kind: ExtName, Address: AddressOf("a"), Secret: secret, Grace: 10 * time.Second,
		},
		"02 010200 6100 021000 0102030405060708090a0b0c0d0e0f10 030400 02000000 040400 10270000": {
			Kind: ExtName, Address: AddressOf("a"), Secret: secret, Resumed: true, Received: 2, Grace: 10 * time.Second,
		},
		"03 051200 100e0000 0100 75 0200 7077 0500 7475726e3a": {
			Kind: ExtServers, Servers: []ICEServer{{
				URLs: []string{"turn:"}, Username: "u", Credential: "pw", Lifetime: time.Hour,
			}},
		},
		"03":                           {Kind: ExtServers},
		"04 060200 0300 070300 6e6f70": {Kind: ExtRefusal, Code: RefusedHosting, Text: "nop"},
	} {
		p := unhex(t, encoded)
		got, err := ParseExtension(p)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v; want %+v", encoded, got, err, want)
		}
		if again := want.Append(nil); !bytes.Equal(again, p) {
			t.Errorf("%+v encodes as %x; want %s", want, again, encoded)
		}
	}
}

func TestExtensionsOfLaterVersions(t *testing.T) {
	for _, encoded := range []string{
		"ff", "63 010200 6100", // unknown kinds
		"04 ff0200 0102 060400 03000000 070300 6e6f70", // an unknown field, a longer number
	} {
		if _, err := ParseExtension(unhex(t, encoded)); err != nil {
			t.Errorf("%s: %v", encoded, err)
		}
	}
	for _, wrong := range []string{
		"", "01 01", "01 0101", "01 010200", "01 010100 61", "01 020f00 0102030405060708090a0b0c0d0e0f",
		"01 030300 000000", "02 040200 0000", "04 060100 00", "04 070100 ff", "03 050300 000000",
		"03 050400 00000000", "03 050800 00000000 0000 0000", "03 050800 00000000 0500 6161",
		"01 010202" + strings.Repeat("6100", 257),
		"03" + strings.Repeat("050b00 00000000 0000 0000 0100 61", MaxICEServers+1),
	} {
		if e, err := ParseExtension(unhex(t, wrong)); err == nil {
			t.Errorf("%s was read as %+v", wrong, e)
		}
	}
}

// What is too much is left out, and the rest still fits.
func TestServersThatDoNotFitAreLeftOut(t *testing.T) {
	long := strings.Repeat("x", MaxICEText)
	servers := []ICEServer{
		{}, {URLs: make([]string, MaxICEURLs+1)}, {URLs: []string{long + "x"}}, {URLs: []string{"\xff"}},
	}
	for range 2 * MaxICEServers {
		servers = append(servers, ICEServer{URLs: []string{long}})
	}
	p := Extension{Kind: ExtServers, Servers: servers}.Append(nil)
	got, err := ParseExtension(p)
	if err != nil || len(got.Servers) != 15 { // of 523 bytes each
		t.Errorf("%d servers in %d bytes, %v", len(got.Servers), len(p), err)
	}
}

func FuzzParseExtension(f *testing.F) {
	for _, e := range []Extension{
		{Kind: ExtResume, Address: AddressOf("room"), Received: 3},
		{Kind: ExtName, Address: AddressOf("room"), Resumed: true, Received: 3, Grace: time.Second},
		{Kind: ExtServers, Servers: []ICEServer{{URLs: []string{"stun:a", "turn:b"}, Username: "u", Credential: "p", Lifetime: time.Minute}}},
		{Kind: ExtRefusal, Code: RefusedHeld, Text: "kept for its host"},
	} {
		f.Add(e.Append(nil))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		e, err := ParseExtension(p)
		if err != nil {
			return
		}
		again := e.Append(nil)
		if len(again) > MaxExtension {
			t.Fatalf("%+v takes %d bytes", e, len(again))
		}
		second, err := ParseExtension(again)
		if err != nil || !bytes.Equal(second.Append(nil), again) {
			t.Fatalf("%+v came back as %+v, %v", e, second, err)
		}
	})
}
