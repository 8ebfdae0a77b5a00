package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// LetsEncrypt is the directory of the authority that ACME asks by default.
const LetsEncrypt = autocert.DefaultACMEDirectory

// Order is what to ask an authority for. Asking means to agree to its terms.
type Order struct {
	Hosts     []string // full names; certificates for others are not asked for
	Email     string   // whom the authority may write to; "": nobody
	Cache     string   // a directory of our own for keys and certificates
	Directory string   // URL of the authority's ACME directory (RFC 8555, 7.1.1)
	Roots     string   // a file of certificates that vouch for that URL; "": the system's
}

// ACME is an authority that gives certificates to whom its challenges reach:
// TLS-ALPN-01 (RFC 8737) through TLS, and HTTP-01 through Challenges.
type ACME struct {
	hosts   []string
	manager *autocert.Manager
	ended   context.Context // of its requests
	stop    context.CancelFunc
	log     *slog.Logger
}

// NewACME makes the cache's directory and asks nobody anything yet.
func NewACME(o Order, log *slog.Logger) (*ACME, error) {
	for _, h := range o.Hosts {
		if !strings.Contains(strings.Trim(h, "."), ".") {
			return nil, fmt.Errorf("no authority gives a certificate for %q: a full name is wanted, such as p2p.example.org", h)
		}
	}
	roots, err := readRoots(o.Roots)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
	if err := os.MkdirAll(o.Cache, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory for certificates: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	return &ACME{
		hosts: o.Hosts,
		ended: ctx,
		stop:  stop,
		log:   log,
		manager: &autocert.Manager{
			Prompt:     autocert.AcceptTOS,
			Cache:      autocert.DirCache(o.Cache),
			HostPolicy: onlyFor(o.Hosts),
			Email:      o.Email,
			Client: &acme.Client{
				DirectoryURL: o.Directory,
				UserAgent:    "unityp2p",
				HTTPClient:   &http.Client{Timeout: time.Minute, Transport: &endable{ctx, transport}},
			},
		},
	}, nil
}

// onlyFor allows these names, with a port too, which browsers leave out only if
// it is the usual one.
func onlyFor(hosts []string) autocert.HostPolicy {
	allowed := autocert.HostWhitelist(hosts...)
	return func(ctx context.Context, host string) error {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		return allowed(ctx, host)
	}
}

// readRoots returns nil, the system's, for no file.
func readRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // as tls.Config has it
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the authority's roots: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s has no certificate in PEM", file)
	}
	return roots, nil
}

// TLS is of Source.
func (a *ACME) TLS() *tls.Config {
	c := base()
	c.NextProtos = append(c.NextProtos, acme.ALPNProto)
	c.GetCertificate = a.manager.GetCertificate
	return c
}

// Challenges answers the authority's HTTP-01 challenges, which come to port 80,
// and leaves the rest to next; nil sends browsers to https.
func (a *ACME) Challenges(next http.Handler) http.Handler { return a.manager.HTTPHandler(next) }

// Keep is of Source. It asks for the certificates at once, so that the log says
// what is wrong before the first player comes. They are renewed a month before
// they end. When ctx ends, it may take seconds: the manager waits between two
// questions to the authority, and only the next one fails.
func (a *ACME) Keep(ctx context.Context) {
	defer a.stop()
	var asking sync.WaitGroup
	for _, host := range a.hosts {
		asking.Go(func() { a.ask(host) })
	}
	<-ctx.Done()
	a.stop()
	asking.Wait()
}

func (a *ACME) ask(host string) {
	c, err := a.manager.GetCertificate(&tls.ClientHelloInfo{
		ServerName:   host,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, // or else it would be an RSA key
	})
	switch {
	case a.ended.Err() != nil:
	case err != nil:
		a.log.Error("no certificate; it is tried again when somebody connects", "host", host, "error", err)
	default:
		a.log.Info("certificate ready", "host", host, "until", c.Leaf.NotAfter)
	}
}

// endable is a transport whose requests end with ctx: the manager, which makes
// them, takes none. Answers are bounded.
type endable struct {
	ctx context.Context
	by  http.RoundTripper
}

// maxAnswer is the most that an authority says at once: a chain of certificates.
const maxAnswer = 1 << 20

func (e *endable) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(e.ctx, cancel)()
	answer, err := e.by.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	whole, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(whole))
	return answer, nil
}
