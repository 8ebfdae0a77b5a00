package doctor_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"unityp2p/internal/doctor"
	"unityp2p/signaling"
)

// patience is for answers that come; impatience for those that never do.
const (
	patience   = 20 * time.Second
	impatience = 3 * time.Second
)

// serve runs a signaling server behind wrap, with TLS if there is a certificate.
func serve(t *testing.T, c signaling.Config, certificate *tls.Certificate, wrap func(http.Handler) http.Handler) (url string) {
	t.Helper()
	s, err := signaling.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var handler http.Handler = s
	if wrap != nil {
		handler = wrap(s)
	}
	h := httptest.NewUnstartedServer(handler)
	h.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant to fail
	if certificate == nil {
		h.Start()
	} else {
		h.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}
		h.StartTLS()
	}
	t.Cleanup(func() {
		h.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return strings.Replace(h.URL, "http", "ws", 1)
}

// examine returns all steps by name.
func examine(t *testing.T, o doctor.Options) (well bool, steps map[string]doctor.Step) {
	t.Helper()
	if o.Patience == 0 {
		o.Patience = patience
	}
	steps = make(map[string]doctor.Step)
	var order []string
	well = doctor.Run(context.Background(), o, func(s doctor.Step) {
		order = append(order, s.Name)
		steps[s.Name] = s
	})
	if want := "url dns tcp tls upgrade version listen connect relay idle stun turn channel"; strings.Join(order, " ") != want {
		t.Errorf("the steps were %q", order)
	}
	return well, steps
}

// fails checks that a step fails, saying that, with some advice, and that those
// before it did not and those after it are not tried.
func fails(t *testing.T, o doctor.Options, step, says, advice string) {
	t.Helper()
	well, steps := examine(t, o)
	s := steps[step]
	if well || s.Outcome != doctor.Failed || !strings.Contains(s.Detail, says) || !strings.Contains(s.Advice, advice) {
		t.Errorf("%s: wanted a failure with %q and %q, but got %+v", step, says, advice, s)
	}
	for name, other := range steps {
		if name != step && other.Outcome == doctor.Failed {
			t.Errorf("%s failed too: %+v", name, other)
		}
	}
	if last := steps["channel"]; last.Detail != "not tried: "+step+" comes first" {
		t.Errorf("after %s failed: %+v", step, last)
	}
}

func passes(t *testing.T, o doctor.Options, skipped ...string) map[string]doctor.Step {
	t.Helper()
	well, steps := examine(t, o)
	if !well {
		t.Errorf("something is wrong")
	}
	for name, s := range steps {
		want := doctor.Passed
		if strings.Contains(" "+strings.Join(skipped, " ")+" ", " "+name+" ") {
			want = doctor.Skipped
		}
		if s.Outcome != want {
			t.Errorf("%s: wanted %s, but got %+v", name, want, s)
		}
	}
	return steps
}

func TestAServerThatIsWell(t *testing.T) {
	t.Parallel()
	url := serve(t, signaling.Config{PingInterval: time.Second}, nil, nil)
	steps := passes(t, doctor.Options{URL: url, Idle: 2500 * time.Millisecond}, "tls", "stun", "turn")
	if s := steps["idle"]; !strings.Contains(s.Detail, "pings") || strings.Contains(s.Detail, " 0 pings") {
		t.Errorf("idle: %+v", s)
	}
}

func TestTheURL(t *testing.T) {
	for url, want := range map[string][2]string{
		"https://example.org/chat":    {"begins with https://", "wss://example.org/chat"},
		"http://example.org":          {"begins with http://", "ws://example.org"},
		"example.org":                 {"does not begin", "wss://example.org"},
		"wss:///chat":                 {"names no host", "wss://"},
		"wss://example.org:port/":     {"does not parse", "wss://"},
		"":                            {"does not begin", "wss://"},
		"ftp://u:secret@host/?t=\x00": {"does not parse", "wss://"},
	} {
		fails(t, doctor.Options{URL: url}, "url", want[0], want[1])
	}
	fails(t, doctor.Options{URL: "wss://example.org", TLSPin: "12:34"}, "url", "pin", "fingerprint")
}

func TestAHostThatIsNotThere(t *testing.T) {
	fails(t, doctor.Options{URL: "ws://no..such..host/"}, "dns", "no host", "spelled")
}

func TestAPortWhereNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	fails(t, doctor.Options{URL: "ws://" + l.Addr().String()}, "tcp", "refuses", "Is the server running")
}

// authority vouches for certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// issue makes a certificate by the authority, or by itself if that is nil.
func (a *authority) issue(t *testing.T, change func(*x509.Certificate)) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a server"},
		NotBefore: time.Now().Add(-60 * 24 * time.Hour), NotAfter: time.Now().Add(60 * 24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true,
	}
	change(template)
	parent, signer := template, key
	if a != nil {
		parent, signer = a.certificate, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func as(*x509.Certificate) {}

func newAuthority(t *testing.T) (*authority, *tls.Config) {
	t.Helper()
	var none *authority
	c := none.issue(t, func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.KeyUsage = "an authority", true, x509.KeyUsageCertSign
	})
	roots := x509.NewCertPool()
	roots.AddCert(c.Leaf)
	return &authority{c.Leaf, c.PrivateKey.(*ecdsa.PrivateKey)}, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

func TestCertificates(t *testing.T) {
	ca, trust := newAuthority(t)
	passing := ca.issue(t, as)
	url := serve(t, signaling.Config{}, passing, nil)
	steps := passes(t, doctor.Options{URL: url, TLS: trust}, "idle", "stun", "turn")
	if s := steps["tls"]; !strings.Contains(s.Detail, "TLS 1.3, for 127.0.0.1") || !strings.Contains(s.Detail, "59 days left") || s.Advice != "" {
		t.Errorf("tls: %+v", s)
	}
	passes(t, doctor.Options{URL: url, TLSPin: pin(passing)}, "idle", "stun", "turn")
	due := serve(t, signaling.Config{}, ca.issue(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(5 * 24 * time.Hour) }), nil)
	steps = passes(t, doctor.Options{URL: due, TLS: trust}, "idle", "stun", "turn")
	if s := steps["tls"]; !strings.Contains(s.Advice, "renewed") {
		t.Errorf("five days before the end: %+v", s)
	}

	var itself *authority
	other, _ := newAuthority(t)
	for name, c := range map[string]struct {
		certificate  *tls.Certificate
		pin          string
		says, advice string
	}{
		"expired":           {ca.issue(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }), "", "expired on", "Renew"},
		"from tomorrow":     {ca.issue(t, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), "", "good only from", "clock"},
		"another's":         {ca.issue(t, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"a.example", "b.example"} }), "", "for a.example, b.example, not for 127.0.0.1", "names"},
		"self-signed":       {itself.issue(t, as), "", "vouches for itself", "acme"},
		"unknown authority": {other.issue(t, as), "", "no other with it", "fullchain"},
		"not the pinned":    {passing, strings.Repeat("ab", 32), "not the pinned one", "renewed"},
		"hostile name":      {ca.issue(t, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"\x1b[2J"} }), "", "\uFFFD[2J", ""},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, signaling.Config{}, c.certificate, nil)
			fails(t, doctor.Options{URL: url, TLS: trust, TLSPin: c.pin}, "tls", c.says, c.advice)
		})
	}
}

func pin(c *tls.Certificate) string { return fmt.Sprintf("%x", sha256.Sum256(c.Leaf.Raw)) }

// listen accepts connections and gives each to serve.
func listen(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			serve(conn)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

func TestWhatIsNoTLSServer(t *testing.T) {
	t.Parallel()
	plain := serve(t, signaling.Config{}, nil, nil)
	fails(t, doctor.Options{URL: strings.Replace(plain, "ws:", "wss:", 1)}, "tls", "is not TLS", "ws://")
	silent := listen(t, func(net.Conn) {})
	fails(t, doctor.Options{URL: "wss://" + silent, Patience: impatience}, "tls", "says nothing", "")
	rude := listen(t, func(c net.Conn) { _ = c.Close() })
	fails(t, doctor.Options{URL: "wss://" + rude}, "tls", "hangs up", "certificate for this name")
}

func TestWhatIsNoWebServer(t *testing.T) {
	t.Parallel()
	silent := listen(t, func(net.Conn) {})
	fails(t, doctor.Options{URL: "ws://" + silent, Patience: impatience}, "upgrade", "no answer", "says nothing")
	other := listen(t, func(c net.Conn) { _, _ = c.Write([]byte("220 mail.example.org ESMTP\r\n")) })
	fails(t, doctor.Options{URL: "ws://" + other}, "upgrade", "no web server", "wss://")
	ca, _ := newAuthority(t)
	secure := serve(t, signaling.Config{}, ca.issue(t, as), nil)
	fails(t, doctor.Options{URL: strings.Replace(secure, "wss:", "ws:", 1)}, "upgrade", "one with TLS", "wss://")
}
