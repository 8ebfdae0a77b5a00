package doctor

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core"
	"unityp2p/core/sigclient"
	"unityp2p/core/wire"
)

// trust is how TLS is checked once checkTLS has looked at the certificate.
func (v *visit) trust() *tls.Config {
	config := v.TLS.Clone()
	if v.pin == nil {
		return config
	}
	config.InsecureSkipVerify = true // in its place:
	config.VerifyConnection = func(s tls.ConnectionState) error {
		if sigclient.Pin(sha256.Sum256(s.PeerCertificates[0].Raw)) != *v.pin {
			return errors.New("the certificate is not the pinned one any more")
		}
		return nil
	}
	return config
}

// checkUpgrade opens the host's socket.
func (v *visit) checkUpgrade(ctx context.Context) (string, error) {
	began := time.Now()
	s, response, err := v.open(ctx)
	if err != nil {
		return "", v.noUpgrade(ctx, response, err)
	}
	v.host = s
	return "to a WebSocket in " + milliseconds(time.Since(began)), nil
}

// passUpgrade says what a proxy has to do.
const passUpgrade = "A proxy in front has to pass the upgrade on; in nginx: proxy_http_version 1.1; " +
	`proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";`

// noUpgrade explains an answer that is no upgrade.
func (v *visit) noUpgrade(ctx context.Context, response *http.Response, err error) error {
	var netError net.Error
	switch {
	case response != nil:
		return v.otherAnswer(ctx, response)
	case errors.As(err, &netError) && netError.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return failed("It accepts connections and says nothing: does it hang, or speak another protocol, or wait for TLS (wss://)?",
			"no answer to the upgrade within %v", v.Patience)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return failed("Is it a web server, and is the signaling server behind it running? With ws://, it may want wss://.",
			"it hangs up without an answer")
	case strings.Contains(err.Error(), "malformed HTTP"):
		return failed("Is this the right port? With ws://, it may want wss://.", "what answers is no web server")
	}
	var wrapped *url.Error // holds the URL, and so perhaps a token
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return failed("", "the upgrade fails: %v", err)
}

// otherAnswer explains an HTTP status.
func (v *visit) otherAnswer(ctx context.Context, r *http.Response) error {
	status := fmt.Sprintf("the answer is HTTP %d", r.StatusCode)
	switch code := r.StatusCode; {
	case code >= 300 && code < 400:
		to, err := r.Location()
		if err != nil {
			return failed("", "%s", status)
		}
		if to.Scheme == "https" && !v.secure() {
			return failed("Use wss:// in the game: games do not follow redirections.", "%s, a redirection to https", status)
		}
		return failed("Games do not follow redirections: use the URL that it leads to.", "%s, a redirection to %s://%s%s", status, to.Scheme, to.Host, to.Path)
	case code == http.StatusBadRequest && !v.secure() && wantsTLS(r):
		return failed("Use wss:// in the game.", "the port is one with TLS")
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return failed("It is not the signaling server that answers so, but something before it that wants a login, or refuses this network.", "%s", status)
	case code == http.StatusTooManyRequests:
		return failed("There are too many connections from this address. Behind a proxy, the server has to know that it is one.", "%s", status)
	case code >= 500:
		return failed("What stands before the server does not reach it, or the server is full or just ending: is it running?", "%s", status)
	case v.pageIsThere(ctx):
		return failed(passUpgrade+" If it does, this path leads elsewhere than to the server.",
			"%s instead of an upgrade, although the signaling server is there: something on the way takes the upgrade out", status)
	}
	return failed("Does the URL lead to the signaling server, with its path? "+passUpgrade, "%s instead of an upgrade", status)
}

// wantsTLS tells whether a web server complains of a request without TLS: Go's
// and nginx's do so in these words.
func wantsTLS(r *http.Response) bool {
	const enough = 1 << 10
	text, err := io.ReadAll(io.LimitReader(r.Body, enough))
	return err == nil && strings.Contains(string(text), "HTTPS")
}

// pageIsThere tells whether the page at "/" is a signaling server's.
func (v *visit) pageIsThere(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, v.Patience)
	defer cancel()
	target := url.URL{Scheme: strings.Replace(v.url.Scheme, "ws", "http", 1), Host: v.url.Host, Path: "/"}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return false
	}
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return v.dial(ctx) },
		TLSClientConfig:   v.trust(),
		DisableKeepAlives: true,
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	const enough = 64 << 10
	page, err := io.ReadAll(io.LimitReader(response.Body, enough))
	return err == nil && response.StatusCode == http.StatusOK && strings.Contains(string(page), "running")
}

// checkVersion asks for the protocol's version. A server that does not want the
// client closes the socket before it answers.
func (v *visit) checkVersion(ctx context.Context) (string, error) {
	version, err := v.greet(ctx, v.host)
	if v.denied(err) && v.Token != "" {
		// Servers of the original protocol look for it in the URL.
		v.tokenInURL = true
		v.host.close()
		v.host = nil
		s, response, openErr := v.open(ctx)
		if openErr != nil {
			return "", v.noUpgrade(ctx, response, openErr)
		}
		v.host = s
		version, err = v.greet(ctx, s)
	}
	if err != nil {
		return "", v.notLetIn(err)
	}
	if version != wire.ExtendedVersion {
		return fmt.Sprintf("%d: a server of the original protocol", version), nil
	}
	if n := len(v.ice); n > 0 {
		return fmt.Sprintf("%d, and it hands out ICE servers (%d URLs)", version, n), nil
	}
	return fmt.Sprintf("%d, and it hands out no ICE servers", version), nil
}

// greet exchanges versions, and takes what a server says unasked.
func (v *visit) greet(ctx context.Context, s *socket) (version uint8, err error) {
	err = s.send(v.Patience, wire.Frame{Type: wire.VersionFrame, Version: wire.ExtendedVersion}, wire.Frame{Type: wire.HeartbeatFrame})
	if err != nil {
		return 0, err
	}
	// Answers come in order: whatever it has to say at the beginning lies before
	// that to the heartbeat.
	_, err = s.await(ctx, v.Patience, func(f wire.Frame) bool {
		switch f.Type {
		case wire.VersionFrame:
			version = f.Version
		case wire.ExtensionFrame:
			if e, err := wire.ParseExtension(f.Data); err == nil && e.Kind == wire.ExtServers {
				v.take(e.Servers)
			}
		}
		return f.Type == wire.HeartbeatFrame
	})
	if err == nil && version == 0 {
		return 0, failed("It answers heartbeats, but not like a signaling server.", "it does not say which version it speaks")
	}
	return version, err
}

// take notes ICE servers that were handed out.
func (v *visit) take(servers []wire.ICEServer) {
	v.ice = nil
	for _, s := range servers {
		for _, u := range s.URLs {
			v.ice = append(v.ice, core.ICEServer{URL: u, Username: s.Username, Credential: s.Credential})
		}
	}
}

// denied tells whether the server refused the token.
func (v *visit) denied(err error) bool {
	var c *websocket.CloseError
	return v.host != nil && err != nil && errors.As(v.host.why(), &c) && c.Code == websocket.ClosePolicyViolation
}

// notLetIn explains why there is no answer to the version.
func (v *visit) notLetIn(err error) error {
	var c *websocket.CloseError
	switch errors.As(v.host.why(), &c); {
	case errors.Is(err, errSilent):
		return failed("Is it a signaling server? Something else with WebSockets may be at this path.", "the WebSocket is open, but nothing answers on it")
	case c == nil:
		return err
	case c.Code == websocket.ClosePolicyViolation && v.Token == "":
		return failed("The server wants a token: give one by -token, or "+tokenVariable+".", "the server lets nobody in without a token: %q", c.Text)
	case c.Code == websocket.ClosePolicyViolation:
		return failed("Has it expired? Was it made with this server's secret, for this path?", "the server refuses the token: %q", c.Text)
	case c.Code == websocket.CloseNoStatusReceived:
		return failed("The URL's path has to be that of one of the server's apps (-apps), exactly; without one it is /.", "the server has no app at the path %s", v.url.EscapedPath())
	}
	return err
}

const tokenVariable = "UNITYP2P_TOKEN"

// why returns what ended the socket; nil if it has not ended.
func (s *socket) why() error {
	select {
	case <-s.ended:
		return s.err
	default:
		return nil
	}
}
