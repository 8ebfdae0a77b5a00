package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"unityp2p/core"
)

const patience = 60 * time.Second

// program is a run of the command with a pipe at each end.
type program struct {
	t     *testing.T
	in    *io.PipeWriter
	lines chan string
	ended chan error
	stop  context.CancelFunc
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	inReader, inWriter := io.Pipe()
	outReader, outWriter := io.Pipe()
	p := &program{t: t, in: inWriter, lines: make(chan string, 1000), ended: make(chan error, 1), stop: stop}
	go func() {
		err := run(ctx, args, inReader, outWriter, io.Discard)
		_ = outWriter.Close()
		p.ended <- err
	}()
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(outReader); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		stop()
		_ = inWriter.Close()
	})
	return p
}

// expect waits for a line that contains text.
func (p *program) expect(text string) string {
	p.t.Helper()
	deadline := time.After(patience)
	var seen []string
	for {
		select {
		case line, ok := <-p.lines:
			if strings.Contains(line, text) {
				return line
			}
			if seen = append(seen, line); ok {
				continue
			}
			p.t.Fatalf("the program ended without %q; it said %q", text, seen)
		case <-deadline:
			p.t.Fatalf("no %q; it said %q", text, seen)
		}
	}
}

func (p *program) say(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) awaitEnd() {
	p.t.Helper()
	select {
	case err := <-p.ended:
		if err != nil {
			p.t.Fatalf("ended with %v", err)
		}
	case <-time.After(patience):
		p.t.Fatal("did not end")
	}
}

func serveForTest(t *testing.T) (url string, server *program) {
	t.Helper()
	server = start(t, "serve", "-addr", "127.0.0.1:0")
	return strings.Fields(server.expect("signaling: listening on "))[3], server
}

func TestServe(t *testing.T) {
	url, server := serveForTest(t)
	if !strings.HasPrefix(url, "ws://127.0.0.1:") {
		t.Errorf("listening on %q", url)
	}
	server.stop()
	server.awaitEnd()
}

func TestServeWithTheOriginalsConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	config := "\xef\xbb\xbf" + `{"httpConfig":{"port":0,"host":"127.0.0.1"},"apps":[{"name":"c","path":"/chatapp","address_sharing":false}]}`
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	server := start(t, "serve", "-config", file)
	url := strings.Fields(server.expect("signaling: listening on "))[3] + "chatapp"
	h := start(t, "host", "lobby", "-signaling", url, "-loopback-only", "-ice", "none")
	h.expect("the room is open")
}

// A second copy, as somebody starts who has forgotten the first, hears what to do.
func TestServeWhereAnotherDoes(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	at := taken.Addr().String()
	for _, flags := range [][]string{{"-addr", at}, {"-addr", "127.0.0.1:0", "-turn", "-turn-relays", "127.0.0.1", "-turn-addr", at}} {
		err := run(context.Background(), append([]string{"serve"}, flags...), strings.NewReader(""), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), at+" is in use") || !strings.Contains(err.Error(), "another address") {
			t.Errorf("%v: %v", flags, err)
		}
	}
}

// Both sections of the config file, the second with TLS.
func TestServeWithTLS(t *testing.T) {
	dir := t.TempDir()
	certificate := selfSigned(t, dir)
	file := filepath.Join(dir, "config.json")
	config := `{"httpConfig":{"port":0,"host":"127.0.0.1"},` +
		`"httpsConfig":{"port":0,"host":"127.0.0.1","ssl_key_file":"ssl.key","ssl_cert_file":"ssl.crt"}}`
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	server := start(t, "serve", "-config", file)
	plain := strings.Fields(server.expect("on ws://"))[3]
	secure := strings.Fields(server.expect("on wss://"))[3]

	h := start(t, "host", "lobby", "-signaling", plain, "-loopback-only", "-ice", "none")
	h.expect("the room is open")
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	client, err := core.NewClient(core.Config{
		Signaling: secure, Room: "lobby", TLS: &tls.Config{RootCAs: roots},
		Loopback: core.LoopbackOnly, ICEServers: []core.ICEServer{},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	h.expect("joined")

	// A client that does not know the certificate is told so.
	stranger := start(t, "join", "lobby", "-signaling", secure, "-loopback-only", "-ice", "none")
	stranger.expect("certificate")

	// Nor one that knows another; but one that has its fingerprint needs no more.
	pinned := func(pin string) *program {
		return start(t, "join", "lobby", "-signaling", secure, "-loopback-only", "-ice", "none", "-tls-pin", pin)
	}
	pinned(strings.Repeat("0", 64)).expect("not the pinned one")
	pinned(fmt.Sprintf("%x", sha256.Sum256(certificate.Raw))).expect("joined (host")
}

// selfSigned writes ssl.key and ssl.crt for 127.0.0.1.
func selfSigned(t *testing.T, dir string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"ssl.key": {Type: "EC PRIVATE KEY", Bytes: keyDER}, "ssl.crt": {Type: "CERTIFICATE", Bytes: der},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func TestTalk(t *testing.T) {
	url, _ := serveForTest(t)
	flags := []string{"-signaling", url, "-loopback-only", "-ice", "none"}
	h := start(t, append([]string{"host", "lobby"}, flags...)...)
	h.expect("the room is open")
	a := start(t, append([]string{"join", "lobby"}, flags...)...)
	a.say("hello from a") // before anybody is there: it waits
	if line := h.expect("joined"); !strings.Contains(line, "* 1 joined (member ") {
		t.Errorf("the host said %q", line)
	}
	a.expect("* 1 joined (host ")
	h.expect("<1> hello from a")
	b := start(t, append(append([]string{"join"}, flags...), "lobby")...)
	b.expect("joined")
	b.expect("joined")
	a.expect("joined")
	h.expect("joined")
	b.say("to all of you")
	h.expect("to all of you")
	a.expect("to all of you")
	h.say("/to 2 only for b")
	b.expect("<1> only for b")
	h.say("/to 9 nobody")
	h.expect(`there is no "9" here`)
	h.say("/stats")
	h.expect("host 127.0.0.1:")
	b.say("last words")
	_ = b.in.Close() // the end of the pipe: what was sent arrives first
	b.awaitEnd()
	a.expect("last words")
	a.expect("is gone (left)")
	a.say("/quit")
	a.awaitEnd()
	h.expect("last words")
}

func TestWrongUse(t *testing.T) {
	for _, args := range [][]string{{}, {"x"}, {"host"}, {"join", "a", "b"}, {"serve", "x"}, {"serve", "-config", "/nowhere"}, {"host", "a", "-signaling", "http://x"}} {
		err := run(context.Background(), args, strings.NewReader(""), io.Discard, io.Discard)
		if err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// A mistake is answered in one line that names it, and shows no secret.
func TestWrongTalk(t *testing.T) {
	for wanted, args := range map[string][]string{
		`takes one room name, got 2: ["a" "b"]`: {"join", "a", "b"},
		"not defined: -foo":                     {"host", "a", "-foo"},
		`the ICE server "turn:x" needs either`:  {"join", "a", "-ice", "turn:x hidden"},
	} {
		var shown strings.Builder
		err := run(t.Context(), args, strings.NewReader(""), &shown, &shown)
		if err == nil || !strings.Contains(err.Error(), wanted) || strings.Contains(err.Error(), "hidden") || shown.Len() > 0 {
			t.Errorf("%q: %v\n%s", args, err, shown.String())
		}
	}
}

// What programs read is JSON, a line an object, with the way to each member.
func TestTalkJSON(t *testing.T) {
	url, _ := serveForTest(t)
	flags := []string{"-signaling", url, "-loopback-only", "-ice", "none", "-json"}
	h := start(t, append([]string{"host", "lobby"}, flags...)...)
	h.expect(`{"event":"open"`)
	a := start(t, append([]string{"join", "lobby"}, flags...)...)
	h.expect(`"event":"connected"`)
	var connected record
	if err := json.Unmarshal([]byte(a.expect(`"event":"connected"`)), &connected); err != nil {
		t.Fatal(err)
	}
	l := connected.Link
	if !connected.Host || l == nil || l.Path != "host" || l.Local.Type != "host" || l.Connecting <= 0 || connected.After < l.Connecting {
		t.Errorf("connected: %+v, by %+v", connected, l)
	}
	h.say("<hello> & \xff")
	var message record
	if err := json.Unmarshal([]byte(a.expect(`"event":"message"`)), &message); err != nil {
		t.Fatal(err)
	}
	if message.Text != "<hello> & \uFFFD" || !message.Reliable || message.ID != 1 {
		t.Errorf("message: %+v", message)
	}
	a.say("/to 7 nobody")
	a.expect(`"event":"complaint"`)
	a.say("/stats")
	if line := a.expect(`"event":"stats"`); !strings.Contains(line, `"messages_received":1`) {
		t.Errorf("stats: %s", line)
	}
	a.say("/quit")
	a.awaitEnd()
	h.expect(`"event":"disconnected"`)
}
