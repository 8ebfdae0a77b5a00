package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"unityp2p/cmd/unityp2p/certs"
)

// The pair that `cert` makes is one that `serve` takes, and whose fingerprint a
// client sees.
func TestCert(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	command := []string{"cert", "-out", dir, "localhost", "127.0.0.1"}
	if err := run(context.Background(), command, strings.NewReader(""), &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(dir, "ssl.crt"), filepath.Join(dir, "ssl.key")
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("the key: %v, %v", info.Mode(), err)
	}
	server := start(t, "serve", "-https-addr", "127.0.0.1:0", "-cert", cert, "-key", key)
	url := strings.Fields(server.expect("listening on wss://"))[3]
	data, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(data)
	conn := talkTo(t, url, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})
	shown, ok := conn.NetConn().(*tls.Conn)
	if !ok {
		t.Fatal("no TLS")
	}
	fingerprint := certs.Fingerprint(shown.ConnectionState().PeerCertificates[0].Raw)
	if !strings.Contains(out.String(), fingerprint) {
		t.Errorf("it said %q, and a client sees %s", &out, fingerprint)
	}
	// Who pins it gets in, without the certificate being among any roots; who pins
	// another does not.
	flags := []string{"-signaling", url, "-loopback-only", "-ice", "none", "-tls-pin"}
	pinned := start(t, append(append([]string{"host", "lobby"}, flags...), fingerprint)...)
	pinned.expect("the room is open")
	wrong := start(t, append(append([]string{"join", "lobby"}, flags...), strings.Repeat("0", 64))...)
	wrong.expect("certificate")
	server.stop()
	server.awaitEnd()
	for line := range server.lines {
		t.Errorf("it also said %q: with a certificate there is no plain port", line)
	}

	// A pair that is there is not lost.
	if err := run(context.Background(), command, strings.NewReader(""), io.Discard, io.Discard); err == nil {
		t.Error("it was overwritten")
	}
	for _, args := range [][]string{{"cert"}, {"cert", "-days", "0", "a"}, {"cert", "-out", "/nowhere/at/all", "a"}} {
		if err := run(context.Background(), args, strings.NewReader(""), io.Discard, io.Discard); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
