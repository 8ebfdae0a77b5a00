// Package certs has where the server's certificates come from: files
// that somebody else renews, an authority that speaks ACME, or, for testing,
// nobody.
package certs

import (
	"context"
	"crypto/tls"
)

// Source has certificates and keeps them fresh.
type Source interface {
	// TLS returns how to answer TLS. Connections keep the certificate that they
	// began with; new ones get the newest.
	TLS() *tls.Config
	// Keep watches over the certificates until ctx ends, if that is before.
	Keep(ctx context.Context)
}

// base is what any source's answers have in common. WebSockets want HTTP/1.1.
func base() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
}
