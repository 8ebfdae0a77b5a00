package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// Interval is how often Files look at their files.
const Interval = 5 * time.Second

// Files is a certificate in two files, which may change.
type Files struct {
	cert, key string
	interval  time.Duration
	log       *slog.Logger
	current   atomic.Pointer[tls.Certificate]

	// Of Keep alone.
	used, seen content
}

// content is what the two files hold. Their times say less: a renewal can keep
// them, and links can change what a name means.
type content struct{ cert, key []byte }

func (c content) equal(d content) bool {
	return bytes.Equal(c.cert, d.cert) && bytes.Equal(c.key, d.key)
}

// OpenFiles reads a certificate, with its chain, and its key.
func OpenFiles(cert, key string, interval time.Duration, log *slog.Logger) (*Files, error) {
	f := &Files{cert: cert, key: key, interval: interval, log: log}
	c, err := f.read()
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	if err := f.use(c); err != nil {
		return nil, err
	}
	f.seen = c
	return f, nil
}

// TLS is of Source.
func (f *Files) TLS() *tls.Config {
	c := base()
	c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.current.Load(), nil }
	return c
}

// Keep is of Source. What is new is used when it has not changed for an
// interval: the one file changes before the other. What is wrong is logged once,
// and the old certificate stays.
func (f *Files) Keep(ctx context.Context) {
	tick := time.NewTicker(f.interval)
	defer tick.Stop()
	complaint := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := f.look()
		switch {
		case err == nil && changed:
			complaint = ""
			f.log.Info("certificate reloaded", "file", f.cert, "until", f.current.Load().Leaf.NotAfter)
		case err != nil && err.Error() != complaint:
			complaint = err.Error()
			f.log.Error("the new certificate cannot be used, the old one stays", "error", err)
		}
	}
}

// look takes what the files hold now, if that is new and has settled.
func (f *Files) look() (changed bool, err error) {
	now, err := f.read()
	if err != nil {
		return false, err
	}
	settled := now.equal(f.seen)
	f.seen = now
	if !settled || now.equal(f.used) {
		return false, nil
	}
	if err := f.use(now); err != nil {
		return false, err
	}
	return true, nil
}

func (f *Files) read() (c content, err error) {
	if c.cert, err = os.ReadFile(f.cert); err != nil {
		return content{}, err
	}
	if c.key, err = os.ReadFile(f.key); err != nil {
		return content{}, err
	}
	return c, nil
}

func (f *Files) use(c content) error {
	pair, err := tls.X509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("the certificate in %s with the key in %s: %w", f.cert, f.key, err)
	}
	f.current.Store(&pair)
	f.used = c
	return nil
}
