package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"unityp2p/core"
	"unityp2p/internal/doctor"
)

// A game needs no servers of its own: players are told of this one, and the
// doctor goes the way that they go.
func TestServeWithTURN(t *testing.T) {
	server := start(t, "serve", "-addr", "127.0.0.1:0", "-turn", "-turn-addr", "127.0.0.1:0", "-turn-relays", "127.0.0.1")
	server.expect("STUN and TURN at 127.0.0.1:")
	url := strings.Fields(server.expect("listening on ws://"))[3]
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	steps := make(map[string]doctor.Step)
	doctor.Run(ctx, doctor.Options{URL: url}, func(s doctor.Step) { steps[s.Name] = s })
	for _, name := range []string{"stun", "turn", "channel"} {
		if steps[name].Outcome != doctor.Passed {
			t.Errorf("%+v", steps[name])
		}
	}
	server.stop()
	server.awaitEnd()
}

// Signaling and TURN are at one port with TLS, and the first byte tells which.
func TestOnePortForBoth(t *testing.T) {
	dir := t.TempDir()
	roots := x509.NewCertPool()
	roots.AddCert(selfSigned(t, dir))
	trust := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	server := start(t, "serve", "-config", writeConfig(t, dir, bothSections),
		"-turn", "-turn-addr", "127.0.0.1:0", "-turn-relays", "127.0.0.1", "-handshake-time", "2s")
	secure := strings.Fields(server.expect("listening on wss://"))[3]
	at := strings.TrimSuffix(strings.TrimPrefix(secure, "wss://"), "/")

	talkTo(t, secure, trust)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust}, Timeout: patience}
	answer, err := client.Get("https://" + at + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var page bytes.Buffer
	if _, err := page.ReadFrom(answer.Body); err != nil || !strings.Contains(page.String(), secure) {
		t.Errorf("the page does not name %s: %v", secure, err)
	}

	relay, err := tls.Dial("tcp", at, trust)
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	// A binding request (RFC 8489 section 5), and the head of its answer.
	request := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, "transaction1"...)
	if _, err := relay.Write(request); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 20)
	_ = relay.SetReadDeadline(time.Now().Add(patience))
	if _, err := relay.Read(head); err != nil || !bytes.HasPrefix(head, []byte{1, 1}) || !bytes.Equal(head[4:], request[4:]) {
		t.Errorf("STUN answered %x, %v", head, err)
	}

	// Who says nothing is let go, and so is who speaks no TLS.
	for _, first := range []string{"", "GET / HTTP/1.1\r\n\r\n"} {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte(first))
		_ = c.SetReadDeadline(time.Now().Add(patience))
		for buf := make([]byte, 100); err == nil; {
			_, err = c.Read(buf)
		}
		if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Errorf("after %q: held for %v", first, patience)
		}
		_ = c.Close()
	}
	server.stop()
	server.awaitEnd()
}

// Who may use port 443 alone is relayed there. A crowd that says nothing keeps
// nobody out: the oldest of it goes.
func TestRelayingByTLS(t *testing.T) {
	const secret = "for the test"
	dir := t.TempDir()
	roots := x509.NewCertPool()
	roots.AddCert(selfSigned(t, dir))
	trust := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	server := start(t, "serve", "-config", writeConfig(t, dir, bothSections), "-max-waiting", "3", "-handshake-time", "none",
		"-turn", "-turn-addr", "127.0.0.1:0", "-turn-relays", "127.0.0.1", "-turn-secret", secret)
	secure := strings.Fields(server.expect("listening on wss://"))[3]
	at := strings.TrimSuffix(strings.TrimPrefix(secure, "wss://"), "/")
	var crowd []net.Conn
	for range 6 {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		crowd = append(crowd, c)
	}
	_ = crowd[0].SetReadDeadline(time.Now().Add(patience))
	if _, err := crowd[0].Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the oldest stays")
	}

	username := strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10) + ":player"
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(username))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	doctor.Run(ctx, doctor.Options{URL: secure, TLS: trust, ICE: []core.ICEServer{{
		URL: "turns:" + at + "?transport=tcp", Username: username, Credential: base64.StdEncoding.EncodeToString(mac.Sum(nil)),
	}}}, func(s doctor.Step) {
		if s.Name == "turn" && (s.Outcome != doctor.Passed || !strings.Contains(s.Detail, "turns:"+at)) || s.Outcome == doctor.Failed {
			t.Errorf("%+v", s)
		}
	})
	server.stop()
	server.awaitEnd()
}

func TestTURNSettings(t *testing.T) {
	_, err := loadSettings(t, `{"turn": {"on": true, "addr": ":3479", "names": ["a.example.org"], "relays": ["192.0.2.1", "2001:db8::1"],
		"ports": "50000-50100", "lifetime": "1h", "relaysInAll": 10, "relaysPerPlayer": 5, "bytesPerSecond": 100000, "allow": ["10.0.0.0/8"]}}`,
		[]string{"UNITYP2P_TURN_SECRET=unspoken"})
	if err != nil && !strings.Contains(err.Error(), "listen") {
		t.Fatalf("no address for signaling: %v", err)
	}
	c, err := loadSettings(t, "", []string{"UNITYP2P_TURN_SECRET=unspoken"}, "-turn", "-turn-ports", "50000-50100", "-turn-relays", "192.0.2.1,2001:db8::1", "-turn-allow", "10.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	r := c.relaying
	if !r.on || r.secret != "unspoken" || r.ports != (portRange{50000, 50100}) || len(r.relays) != 2 ||
		r.config.Allowed[0] != netip.MustParsePrefix("10.0.0.0/8") || r.config.Lifetime != 12*time.Hour {
		t.Errorf("read as %+v", r)
	}
	var shown bytes.Buffer
	table := c.table()
	if err := table.Print(&shown); err != nil || strings.Contains(shown.String(), "unspoken") {
		t.Errorf("%v: %s", err, &shown)
	}
	for _, flags := range [][]string{{"-turn-ports", "5-4"}, {"-turn-ports", "many"}, {"-turn-relays", "here"}, {"-turn-lifetime", "1s"}, {"-turn-max-relays", "0"}} {
		if _, err := loadSettings(t, "", nil, flags...); err == nil {
			t.Errorf("%v: no error", flags)
		}
	}
	if _, err := ownAddresses(); err != nil && !strings.Contains(fmt.Sprint(err), "turn-relays") {
		t.Error(err)
	}
}
