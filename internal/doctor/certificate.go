package doctor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"unityp2p/core/sigclient"
)

// dueDays is when a certificate should have been renewed: those that live for
// months are, a month before their end.
const dueDays = 14

// checkTLS shakes hands and looks at the certificate.
func (v *visit) checkTLS(ctx context.Context) (string, error) {
	switch {
	case !v.secure() && v.near():
		return "", skipped("", "ws:// is without TLS")
	case !v.secure():
		return "", skipped("Phones and browsers refuse it, and whoever is on the way can read the players' addresses: give the server a certificate, or put it behind something that has one.",
			"ws:// is without TLS")
	}
	state, err := v.handshake(ctx)
	if err != nil {
		return "", err
	}
	leaf := state.PeerCertificates[0]
	days := int(time.Until(leaf.NotAfter) / (24 * time.Hour))
	detail := fmt.Sprintf("%s, for %s, by %s, %d days left", tls.VersionName(state.Version), namesOf(leaf), issuerOf(leaf), days)
	if v.pin != nil {
		got := sigclient.Pin(sha256.Sum256(leaf.Raw))
		if got != *v.pin {
			return "", failed("Either the certificate was renewed, and the players need the new pin, or somebody sits in between.",
				"the certificate's fingerprint is %x, not the pinned one", got)
		}
		return detail + ", as pinned", nil
	}
	if err := v.verify(state.PeerCertificates); err != nil {
		return "", err
	}
	if days < dueDays && leaf.NotAfter.Sub(leaf.NotBefore) > 2*dueDays*24*time.Hour {
		return "", noted("It should have been renewed by now: see to whatever renews it.", "%s", detail)
	}
	return detail, nil
}

// handshake returns what the server shows, good or not.
func (v *visit) handshake(ctx context.Context) (tls.ConnectionState, error) {
	conn, err := v.dial(ctx)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	config := v.TLS.Clone()
	config.InsecureSkipVerify = true // judged afterwards, to say more than a handshake does
	config.ServerName = v.url.Hostname()
	client := tls.Client(conn, config)
	ctx, cancel := context.WithTimeout(ctx, v.Patience)
	defer cancel()
	if err := client.HandshakeContext(ctx); err != nil {
		return tls.ConnectionState{}, v.handshakeFailed(err)
	}
	return client.ConnectionState(), nil
}

func (v *visit) handshakeFailed(err error) error {
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &record):
		return failed("Either the port is the one without TLS, or the server has no certificate (-cert and -key, or -acme-hosts). A ws:// URL may work.",
			"what answers at port %s is not TLS", v.port())
	case errors.As(err, &alert):
		return failed("Most likely the server has no certificate for this name. With ACME, look at the server's log.",
			"the server ends the handshake: %v", alert)
	case errors.Is(err, context.DeadlineExceeded):
		return failed("Is it a signaling server that listens at this port, or what stands before it?", "the server says nothing to a TLS handshake")
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, net.ErrClosed):
		return failed("What stands before the server may have no certificate for this name, or nothing behind it.", "the server hangs up during the TLS handshake")
	}
	return failed("", "the TLS handshake fails: %v", err)
}

// verify judges the certificates as a client does.
func (v *visit) verify(chain []*x509.Certificate) error {
	leaf := chain[0]
	options := x509.VerifyOptions{DNSName: v.url.Hostname(), Roots: v.TLS.RootCAs, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := leaf.Verify(options)
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	now := time.Now()
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.After(leaf.NotAfter):
		return failed("Renew it. Whatever renews it may have stopped; the server takes new files by itself.",
			"the certificate expired on %s", leaf.NotAfter.Format("2 January 2006"))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.Before(leaf.NotBefore):
		return failed("Is the clock right, there and here?", "the certificate is good only from %s", leaf.NotBefore.Format("2 January 2006 15:04 MST"))
	case errors.As(err, &name):
		return failed(fmt.Sprintf("Use one of those names in the game, or get a certificate for %s.", v.url.Hostname()),
			"the certificate is for %s, not for %s", namesOf(leaf), v.url.Hostname())
	case errors.As(err, &unknown) && bytes.Equal(leaf.RawIssuer, leaf.RawSubject):
		return failed("Players' machines do not trust it. Get one by -acme-hosts, or let the game pin it (tls_pin, here -tls-pin).",
			"the certificate vouches for itself")
	case errors.As(err, &unknown) && len(chain) == 1:
		return failed("The file that -cert names should hold the whole chain (fullchain.pem), the server's certificate first.",
			"nobody known vouches for the certificate, and the server sends no other with it; it is by %s", issuerOf(leaf))
	case errors.As(err, &unknown):
		return failed("Get a certificate from an authority that every machine knows, such as by -acme-hosts.",
			"nobody known vouches for the certificate; it is by %s", issuerOf(leaf))
	}
	return failed("", "the certificate is not good: %v", err)
}

// maxNames bounds how many of a certificate's names are shown.
const maxNames = 5

func namesOf(c *x509.Certificate) string {
	names := append([]string{}, c.DNSNames...)
	for _, a := range c.IPAddresses {
		names = append(names, a.String())
	}
	switch {
	case len(names) == 0:
		return "nobody"
	case len(names) > maxNames:
		return strings.Join(names[:maxNames], ", ") + fmt.Sprintf(" and %d more", len(names)-maxNames)
	}
	return strings.Join(names, ", ")
}

func issuerOf(c *x509.Certificate) string {
	if name := c.Issuer.String(); name != "" {
		return fmt.Sprintf("%q", name)
	}
	return "an authority without a name"
}
