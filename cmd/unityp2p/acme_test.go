package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

const acmeHost = "p2p.example.test"

// authority is Let's Encrypt's small ACME server, with a name server of its own
// that says of every name that it is here.
type authority struct {
	directory string
	vouches   string         // a file with what vouches for the directory itself
	roots     *x509.CertPool // what vouches for its certificates
	orders    func() int     // how many were asked for
}

// newAuthority makes one that asks its challenges at these ports.
func newAuthority(t *testing.T, httpPort, tlsPort int) authority {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "5") // percent, on purpose
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	signer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {}})
	asker := va.New(quiet, httpPort, tlsPort, true, nameServer(t), store)
	desk := wfe.New(quiet, store, asker, signer, []string{"authority.test"}, true, false, 1, 1)
	orders, handler := new(counter), desk.Handler()
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/order-plz") {
			orders.add()
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	roots := x509.NewCertPool()
	roots.AddCert(signer.GetRootCert(0).Cert)
	vouches := filepath.Join(t.TempDir(), "roots.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	if err := os.WriteFile(vouches, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return authority{web.URL + wfe.DirectoryPath, vouches, roots, orders.get}
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func (c *counter) get() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// nameServer says of every name that its address is 127.0.0.1.
func nameServer(t *testing.T) (address string) {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: socket, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		answer := new(dns.Msg).SetReply(q)
		for _, question := range q.Question {
			if question.Qtype == dns.TypeA {
				answer.Answer = append(answer.Answer, &dns.A{
					Hdr: dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1},
					A:   net.IPv4(127, 0, 0, 1),
				})
			}
		}
		_ = w.WriteMsg(answer)
	})}
	var running sync.WaitGroup
	running.Go(func() { _ = server.ActivateAndServe() })
	t.Cleanup(func() {
		_ = socket.Close()
		running.Wait()
	})
	return socket.Addr().String()
}

// freePort is one that nobody has right now, and that nobody gets who asks for any:
// those are above.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(10000)
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// Either challenge is enough, the certificate outlives the process in its
// cache, and a wrong name gets none.
func TestServeByACME(t *testing.T) {
	for name, way := range map[string]struct{ plain, secure bool }{
		"TLS-ALPN-01": {secure: true},
		"HTTP-01":     {plain: true},
	} {
		t.Run(name, func(t *testing.T) {
			plain, secure := freePort(t), freePort(t)
			asked := struct{ http, tls int }{freePort(t), freePort(t)} // where nobody answers
			addr := "none"
			if way.plain {
				asked.http, addr = plain, fmt.Sprintf("127.0.0.1:%d", plain)
			}
			if way.secure {
				asked.tls = secure
			}
			a := newAuthority(t, asked.http, asked.tls)
			args := []string{"serve", "-addr", addr, "-https-addr", fmt.Sprintf("127.0.0.1:%d", secure), "-acme-hosts", acmeHost,
				"-acme-cache", t.TempDir(), "-acme-directory", a.directory, "-acme-roots", a.vouches, "-acme-email", "root@" + acmeHost}
			server := start(t, args...)
			server.expect("wss://")
			talkByName(t, a, secure)
			if way.plain {
				talkTo(t, fmt.Sprintf("ws://127.0.0.1:%d/", plain), nil)
			}
			server.stop()
			server.awaitEnd()
			orders := a.orders()
			if orders == 0 {
				t.Error("the authority was not asked")
			}

			again := start(t, args...)
			again.expect("wss://")
			talkByName(t, a, secure)
			if a.orders() != orders {
				t.Error("it was asked again for what is in the cache")
			}
			stranger := &tls.Config{RootCAs: a.roots, ServerName: "other.example.test", MinVersion: tls.VersionTLS12}
			if c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", secure), stranger); err == nil {
				_ = c.Close()
				t.Error("there is a certificate for a name that nobody ordered")
			}
			again.stop()
			again.awaitEnd()
		})
	}
}

// talkByName opens a socket to the server by its name, as soon as it has a
// certificate, and awaits an answer. A handshake waits for the certificate, but
// not for long.
func talkByName(t *testing.T, a authority, port int) {
	t.Helper()
	trust := &tls.Config{RootCAs: a.roots, ServerName: acmeHost, MinVersion: tls.VersionTLS12}
	for end := time.Now().Add(patience); ; {
		conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), trust)
		if err == nil {
			_ = conn.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	talkTo(t, fmt.Sprintf("wss://127.0.0.1:%d/", port), trust)
}

// An authority that never answers holds up neither the start nor the end.
func TestAnAuthorityThatIsSilent(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	server := start(t, "serve", "-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0", "-acme-hosts", acmeHost,
		"-acme-cache", t.TempDir(), "-acme-directory", "http://"+silent.Addr().String()+"/dir")
	url := strings.Fields(server.expect("ws://"))[3]
	conn, err := silent.Accept() // it is being asked
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	talkTo(t, url, nil)
	server.stop()
	server.awaitEnd()
}

func TestACMESettings(t *testing.T) {
	c, err := loadSettings(t, "", nil, "-acme-hosts", "a.example.org, b.example.org")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.acme.Hosts) != 2 || c.acme.Hosts[1] != "b.example.org" || c.https.address() != ":443" || c.http.address() != ":80" || !c.onlyChallenges || c.acme.Cache == "" {
		t.Errorf("%+v", c)
	}
	// A platform has TLS before it.
	c, err = loadSettings(t, `{"acme":{"hosts":["a.example.org"]},"httpConfig":{"port":1}}`, []string{"PORT=5000"})
	if err != nil || c.https.on() || c.onlyChallenges || c.http.address() != ":5000" {
		t.Errorf("%+v, %v", c, err)
	}
	for _, args := range [][]string{
		{"-acme-hosts", "a.example.org", "-cert", "c", "-key", "k"},
		{"-acme-hosts", "a.example.org", "-https-addr", "none"},
	} {
		if _, err := loadSettings(t, "", nil, args...); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
	var out bytes.Buffer
	if err := serve(t.Context(), input{args: []string{"-acme-hosts", "localhost", "-acme-cache", t.TempDir()}, help: io.Discard}, &out, io.Discard); err == nil {
		t.Error("a certificate for localhost was ordered")
	}
}
