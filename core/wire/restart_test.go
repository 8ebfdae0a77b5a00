package wire

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func restartKeys() *RestartKeys {
	return NewRestartKeys(RestartSecret{1, 2, 3}, RestartSecret{4, 5, 6})
}

func restarts(k *RestartKeys) []Restart {
	return []Restart{
		{Session: k.Session, Kind: RestartAck, Generation: 1, Seq: 3, Ack: 9},
		{Session: k.Session, Kind: RestartAsk, Seq: 1 << 60},
		{
			Session: k.Session, Kind: RestartOffer, Generation: 7, Seq: 2, Ack: 1,
			Fragment: "abCD", Password: "abcdefghijklmnopqrstuv", Candidates: []string{"candidate:1 1 udp 1 192.0.2.1 4000 typ host", ""},
		},
		{
			Session: k.Session, Kind: RestartAnswer, Generation: 7, Seq: 2, Ack: 1,
			Fragment: "ab+/", Password: "0123456789012345678901",
		},
	}
}

func TestRestartRoundTrips(t *testing.T) {
	k := restartKeys()
	for _, r := range restarts(k) {
		for _, offerer := range []bool{true, false} {
			p := k.Seal(&r, offerer)
			if session, ok := RestartSession(p); !ok || session != k.Session {
				t.Errorf("%+v is said to be of %x, %v", r, session, ok)
			}
			got, err := k.Open(p, offerer)
			if err != nil || !reflect.DeepEqual(got, r) {
				t.Errorf("got %+v, %v; want %+v", got, err, r)
			}
		}
	}
}

// Nobody on the way can change a message, send it back, or use it for another link.
func TestRestartIsSealed(t *testing.T) {
	k, other := restartKeys(), NewRestartKeys(RestartSecret{4, 5, 6}, RestartSecret{1, 2, 3})
	for _, r := range restarts(k) {
		p := k.Seal(&r, true)
		if _, err := k.Open(p, false); err == nil {
			t.Errorf("%+v was accepted from the other side", r)
		}
		foreign := bytes.Clone(p)
		copy(foreign[1:], other.Seal(&r, true)[1:restartHead])
		if _, err := other.Open(foreign, true); err == nil {
			t.Errorf("%+v was accepted for another link", r)
		}
		for i := range p {
			forged := bytes.Clone(p)
			forged[i] ^= 1
			if _, err := k.Open(forged, true); err == nil {
				t.Fatalf("%+v was accepted with byte %d changed", r, i)
			}
		}
		for n := range p {
			if _, err := k.Open(p[:n], true); err == nil {
				t.Fatalf("%+v was accepted when cut to %d bytes", r, n)
			}
		}
		if _, err := k.Open(append(bytes.Clone(p), 0), true); err == nil {
			t.Errorf("%+v was accepted with a byte more", r)
		}
	}
}

// What the other side has sealed can still be nonsense.
func TestRestartOfALiarIsRefused(t *testing.T) {
	k := restartKeys()
	good := restarts(k)[2]
	for name, change := range map[string]func(*Restart){
		"another line in the fragment": func(r *Restart) { r.Fragment = "abcd\r\na=x" },
		"a short fragment":             func(r *Restart) { r.Fragment = "abc" },
		"a short password":             func(r *Restart) { r.Password = "short" },
		"a long password":              func(r *Restart) { r.Password = strings.Repeat("a", maxCredential+1) },
		"kind 0":                       func(r *Restart) { r.Kind = 0 },
		"kind 5":                       func(r *Restart) { r.Kind = 5 },
	} {
		r := good
		change(&r)
		if got, err := k.Open(k.Seal(&r, true), true); err == nil {
			t.Errorf("%s: accepted as %+v", name, got)
		}
	}
}

func TestRestartHasABound(t *testing.T) {
	k := restartKeys()
	r := restarts(k)[2]
	r.Candidates = []string{strings.Repeat("x", maxRestartCandidate+1)}
	for range 2 * MaxRestartCandidates {
		r.Candidates = append(r.Candidates, strings.Repeat("c", maxRestartCandidate))
	}
	p := k.Seal(&r, true)
	got, err := k.Open(p, true)
	if err != nil || len(p) > MaxRestart || len(got.Candidates) == 0 || len(got.Candidates) > MaxRestartCandidates {
		t.Errorf("%d bytes, %d candidates, %v", len(p), len(got.Candidates), err)
	}
}

func FuzzRestart(f *testing.F) {
	k := restartKeys()
	for _, r := range restarts(k) {
		p := k.Seal(&r, true)
		f.Add(p[:len(p)-macSize])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		sealed := append(bytes.Clone(body), k.mac(body, true)...)
		r, err := k.Open(sealed, true)
		if err != nil {
			return
		}
		again, err := k.Open(k.Seal(&r, true), true)
		if err != nil || again.Kind != r.Kind || again.Fragment != r.Fragment || len(again.Candidates) != len(r.Candidates) {
			t.Fatalf("%+v became %+v, %v", r, again, err)
		}
	})
}
