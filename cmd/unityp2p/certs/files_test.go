package certs_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"unityp2p/cmd/unityp2p/certs"
)

const patience = 60 * time.Second

func newPair(t *testing.T, hosts ...string) certs.Pair {
	t.Helper()
	pair, err := certs.NewPair(hosts, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// lines is a log to look at.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s", what)
		}
	}
}

// world is an echo over TLS with a certificate from files.
type world struct {
	t         *testing.T
	cert, key string
	log       *lines
	address   string
}

func newWorld(t *testing.T) (*world, certs.Pair) {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, cert: filepath.Join(dir, "ssl.crt"), key: filepath.Join(dir, "ssl.key"), log: &lines{}}
	first := newPair(t, "127.0.0.1")
	write(t, w.cert, first.Certificate)
	write(t, w.key, first.Key)
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	files, err := certs.OpenFiles(w.cert, w.key, 10*time.Millisecond, log)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", files.TLS())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { files.Keep(ctx) })
	running.Go(func() { echo(listener, &running) })
	t.Cleanup(func() {
		stop()
		_ = listener.Close()
		running.Wait()
	})
	w.address = listener.Addr().String()
	return w, first
}

func echo(l net.Listener, running *sync.WaitGroup) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		running.Go(func() {
			defer conn.Close()
			_, _ = io.Copy(conn, conn)
		})
	}
}

func (w *world) dial() *tls.Conn {
	w.t.Helper()
	conn, err := tls.Dial("tcp", w.address, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the test compares the certificate itself
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// shown is the fingerprint of the certificate that a newcomer is shown.
func (w *world) shown() string {
	conn := w.dial()
	defer conn.Close()
	return certs.Fingerprint(conn.ConnectionState().PeerCertificates[0].Raw)
}

func (w *world) talk(conn *tls.Conn) {
	w.t.Helper()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte("x")); err != nil {
		w.t.Error(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		w.t.Error(err)
	}
}

// A renewed pair is used without an end to anything; the files change one after
// the other, as certbot changes them.
func TestARenewedCertificateIsUsed(t *testing.T) {
	w, first := newWorld(t)
	old := w.dial()
	w.talk(old)
	if w.shown() != first.Fingerprint {
		t.Error("not the first certificate")
	}
	second := newPair(t, "127.0.0.1")
	write(t, w.cert, second.Certificate)
	await(t, "complaint about half a renewal", func() bool { return w.log.count("the old one stays") == 1 })
	if w.shown() != first.Fingerprint {
		t.Error("half a renewal changed the certificate")
	}
	write(t, w.key, second.Key)
	await(t, "new certificate", func() bool { return w.shown() == second.Fingerprint })
	w.talk(old)
	if n := w.log.count("certificate reloaded"); n != 1 {
		t.Errorf("reloaded %d times", n)
	}
}

// A broken new file costs a line in the log, once, whatever is broken.
func TestABrokenCertificateIsNotUsed(t *testing.T) {
	w, first := newWorld(t)
	complaints := 0
	for _, harm := range []func(){
		func() { write(t, w.key, nil) },
		func() { write(t, w.cert, []byte("no certificate")) },
		func() { _ = os.Remove(w.cert) },
	} {
		harm()
		complaints++
		await(t, "complaint", func() bool { return w.log.count("the old one stays") == complaints })
		if w.shown() != first.Fingerprint {
			t.Error("a broken certificate was used")
		}
	}
	third := newPair(t, "127.0.0.1")
	write(t, w.cert, third.Certificate)
	write(t, w.key, third.Key)
	await(t, "certificate that is right again", func() bool { return w.shown() == third.Fingerprint })
}

func TestWhatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	a, b := newPair(t, "a.example"), newPair(t, "b.example")
	cert, key := filepath.Join(dir, "ssl.crt"), filepath.Join(dir, "ssl.key")
	write(t, cert, a.Certificate)
	write(t, key, b.Key)
	log := slog.New(slog.DiscardHandler)
	if _, err := certs.OpenFiles(cert, key, time.Hour, log); err == nil || !strings.Contains(err.Error(), key) {
		t.Errorf("a key of another certificate: %v", err)
	}
	if _, err := certs.OpenFiles(cert, filepath.Join(dir, "none"), time.Hour, log); err == nil {
		t.Error("a key that is not there was read")
	}
}

// Who trusts the pair trusts the server by each of its names, and nobody else
// does.
func TestAPairIsGoodForItsNames(t *testing.T) {
	pair := newPair(t, "p2p.example", "::1", "10.0.0.1")
	block, _ := pem.Decode(pair.Certificate)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(c)
	for _, name := range []string{"p2p.example", "::1", "10.0.0.1"} {
		if _, err := c.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.Verify(x509.VerifyOptions{DNSName: "other.example", Roots: roots}); err == nil {
		t.Error("it is good for another name")
	}
	if _, err := c.Verify(x509.VerifyOptions{DNSName: "p2p.example", Roots: x509.NewCertPool()}); err == nil {
		t.Error("somebody trusts it who was not told to")
	}
	if c.SerialNumber.Sign() <= 0 || len(pair.Fingerprint) != 64 {
		t.Errorf("serial number %v, fingerprint %q", c.SerialNumber, pair.Fingerprint)
	}
	if _, err := certs.NewPair(nil, time.Hour); err == nil {
		t.Error("a pair for nobody was made")
	}
}
