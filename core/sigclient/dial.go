package sigclient

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/websocket"
)

// Pin is the SHA-256 fingerprint of the one certificate that is trusted.
type Pin [sha256.Size]byte

// ParsePin reads a fingerprint: 64 hexadecimal digits, with or without the
// colons that openssl writes.
func ParsePin(text string) (*Pin, error) {
	digits, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(text), ":", ""))
	var pin Pin
	if err != nil || copy(pin[:], digits) != len(digits) || len(digits) != len(pin) {
		return nil, errors.New("a certificate's SHA-256 fingerprint has 64 hexadecimal digits")
	}
	return &pin, nil
}

// pinError is returned for a certificate that is not the pinned one.
type pinError struct{ got Pin }

func (e *pinError) Error() string {
	return fmt.Sprintf("the signaling server's certificate has the fingerprint %x, which is not the pinned one", e.got)
}

// tls returns the configuration for wss://. With a pin, that certificate is
// trusted, whoever made it, whatever its name and dates; and no other.
func (o *Options) tls() *tls.Config {
	if o.Pin == nil {
		return o.TLS
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.TLS != nil {
		c = o.TLS.Clone()
	}
	c.InsecureSkipVerify = true // in its place:
	c.VerifyConnection = func(s tls.ConnectionState) error {
		got := Pin(sha256.Sum256(s.PeerCertificates[0].Raw)) // a client always has one
		if subtle.ConstantTimeCompare(got[:], o.Pin[:]) != 1 {
			return &pinError{got}
		}
		return nil
	}
	return c
}

func (c *Client) dial(ctx context.Context) (*websocket.Conn, *Error) {
	target, err := c.target()
	if err != nil {
		return nil, &Error{Problem: Refused, Err: err}
	}
	timeout, tcp := dialTimeout, dialTimeout
	if c.urgent.Load() {
		timeout, tcp = urgentDial, urgentTCP
	}
	dialer := websocket.Dialer{
		NetDialContext:   (&net.Dialer{Timeout: tcp}).DialContext,
		Proxy:            http.ProxyFromEnvironment,
		HandshakeTimeout: timeout,
		TLSClientConfig:  c.options.tls(),
	}
	header := http.Header{}
	if c.options.Token != "" {
		header.Set("Authorization", "Bearer "+c.options.Token)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, response, err := dialer.DialContext(ctx, target, header)
	if err == nil {
		return conn, nil
	}
	if response != nil {
		if response.StatusCode == http.StatusBadRequest && strings.HasPrefix(target, "ws:") {
			return nil, &Error{Problem: Refused, Err: errors.New("the signaling server answered HTTP 400, as a port with TLS does to ws://: perhaps wss:// is right")}
		}
		return nil, statusError(response.StatusCode)
	}
	return nil, dialError(withoutURL(err))
}

// target is the URL. The token stands in it only if the server did not take it
// from the header: URLs end up in the logs of whatever lies between. Servers of
// the original protocol look at the URL alone.
func (c *Client) target() (string, error) {
	u, err := url.Parse(c.options.URL)
	if err != nil {
		return "", errors.New("the signaling URL does not parse")
	}
	if c.tokenInURL {
		q := u.Query()
		q.Set("userToken", c.options.Token)
		u.RawQuery = q.Encode()
	}
	u.Fragment = ""
	return u.String(), nil
}

// elsewhere reports whether the token is to be tried at another place at once:
// what the server says does not show that it has read it.
func (c *Client) elsewhere(refusal *Error) bool {
	if c.options.Token == "" || c.tokenInURL {
		return false
	}
	switch refusal.reason {
	case "", "Invalid token", "token missing":
		c.tokenInURL = true
		return true
	}
	return false
}

// withoutURL drops the URL that net/url wraps around an error: it may hold the
// token.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// statusError is what an HTTP status means that is no upgrade.
func statusError(status int) *Error {
	problem := Refused
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		problem = TokenRefused
	case status == http.StatusTooManyRequests:
		problem = Limited
	case status >= http.StatusInternalServerError:
		problem = Unreachable // a server that is full or restarting, or a proxy before it
	}
	return &Error{Problem: problem, Err: fmt.Errorf("the signaling server answered HTTP %d", status)}
}

func dialError(err error) *Error {
	var pinned *pinError
	if errors.As(err, &pinned) {
		return &Error{Problem: WrongCertificate, Err: pinned}
	}
	var untrusted *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &untrusted) || errors.As(err, &unknown) {
		return &Error{Problem: WrongCertificate, Err: fmt.Errorf("the signaling server's certificate is not trusted: %w", err)}
	}
	var record tls.RecordHeaderError
	if errors.As(err, &record) {
		return &Error{Problem: Unreachable, Err: errors.New("connecting to the signaling server: what answers there is not TLS: perhaps ws:// is right")}
	}
	return &Error{Problem: Unreachable, Err: fmt.Errorf("connecting to the signaling server: %w", err)}
}
