package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
	"unityp2p/signaling"
	"unityp2p/signaling/jwt"
)

// get asks for a page.
func get(t *testing.T, url, authorization string) (code int, body string, header http.Header) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text), answer.Header
}

func TestWhatThereIsBesidesSignaling(t *testing.T) {
	server := start(t, "serve", "-addr", "127.0.0.1:0", "-apps", "/,/chat", "-metrics-addr", "127.0.0.1:0", "-pprof-addr", "127.0.0.1:0")
	ws := strings.Fields(server.expect("listening on ws://"))[3]
	scraped := strings.Fields(server.expect("metrics at "))[3]
	profiles := strings.Fields(server.expect("profiles at "))[3]
	base := strings.Replace(ws, "ws://", "http://", 1)
	talkTo(t, ws+"chat", nil)
	for _, c := range []struct {
		url, says string
		code      int
	}{
		{base, ws + "chat", http.StatusOK},
		{base, "running", http.StatusOK},
		{base + "healthz", "ok", http.StatusOK},
		{base + "readyz", "ready", http.StatusOK},
		{base + "metrics", "404", http.StatusNotFound}, // not to everybody
		{base + "debug/pprof/", "404", http.StatusNotFound},
		{base + "chat", "404", http.StatusNotFound}, // no upgrade
		{scraped, `unityp2p_signaling_connections{app="/chat"} 1`, http.StatusOK},
		{scraped, "process_resident_memory_bytes", http.StatusOK},
		{strings.Replace(scraped, "metrics", "readyz", 1), "ready", http.StatusOK},
		{strings.Replace(scraped, "metrics", "", 1), "404", http.StatusNotFound},
		{profiles, "goroutine", http.StatusOK},
		{profiles + "heap", "", http.StatusOK},
	} {
		if code, body, _ := get(t, c.url, ""); code != c.code || !strings.Contains(body, c.says) {
			t.Errorf("%s answers %d: %.300s", c.url, code, body)
		}
	}
	_, _, header := get(t, base, "")
	if policy := header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("the page's policy is %q", policy)
	}
	server.stop()
	server.awaitEnd()
}

func TestMetricsWantAToken(t *testing.T) {
	for _, c := range []struct{ args, token, wrong []string }{
		{[]string{"-metrics-token", "scrape me"}, []string{"Bearer scrape me", "bearer scrape me", "scrape me"}, []string{"", "Bearer", "Bearer scrape", "Basic scrape me"}},
		{[]string{"-admin-token", "boss"}, []string{"Bearer boss", "boss"}, []string{"", "Bearer bos"}},
		{[]string{"-admin-token", "boss", "-metrics-token", "scrape me"}, []string{"Bearer scrape me"}, []string{"boss", "Bearer boss"}},
	} {
		server := start(t, append([]string{"serve", "-addr", "127.0.0.1:0"}, c.args...)...)
		at := strings.Replace(strings.Fields(server.expect("listening on ws://"))[3], "ws://", "http://", 1) + "metrics"
		for _, token := range c.token {
			if code, body, _ := get(t, at, token); code != http.StatusOK || !strings.Contains(body, "unityp2p_signaling_rooms") {
				t.Errorf("%q with %q: %d", c.args, token, code)
			}
		}
		for _, token := range c.wrong {
			if code, body, header := get(t, at, token); code != http.StatusUnauthorized || header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%q with %q: %d %.50s", c.args, token, code, body)
			}
		}
		server.stop()
		server.awaitEnd()
	}
}

// brake is a log that holds the server up where it begins to drain.
type brake struct {
	slog.Handler
	reached, release chan struct{}
}

func (b brake) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "draining" {
		close(b.reached)
		<-b.release
	}
	return b.Handler.Handle(ctx, r)
}

// Whoever watches sees to the end that the server wants nobody new any more.
func TestADrainingServerIsNotReady(t *testing.T) {
	c, err := loadSettings(t, "", nil, "-addr", "127.0.0.1:0", "-metrics-addr", "127.0.0.1:0", "-log-level", "info")
	if err != nil {
		t.Fatal(err)
	}
	b := brake{c.log.logger(io.Discard).Handler(), make(chan struct{}), make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- c.serve(ctx, in, slog.New(b)) }()
	var ws, watched string
	if _, err := fmt.Fscanf(out, "signaling: listening on %s\nsignaling: metrics at %s\n", &ws, &watched); err != nil {
		t.Fatal(err)
	}
	addresses := []string{strings.Replace(ws, "ws:", "http:", 1), strings.TrimSuffix(watched, "metrics")}
	for _, at := range addresses {
		if code, body, _ := get(t, at+"readyz", ""); code != http.StatusOK || body != "ready\n" {
			t.Errorf("before, %s answers %d %q", at, code, body)
		}
	}
	stop()
	<-b.reached
	for _, at := range addresses {
		if code, body, _ := get(t, at+"readyz", ""); code != http.StatusServiceUnavailable || body != "draining\n" {
			t.Errorf("while it drains, %s answers %d %q", at, code, body)
		}
		if code, _, _ := get(t, at+"healthz", ""); code != http.StatusOK {
			t.Errorf("while it drains, %s is not healthy: %d", at, code)
		}
	}
	close(b.release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestProfilesAreForThisMachineAlone(t *testing.T) {
	for addr, allowed := range map[string]bool{
		"127.0.0.1:6060": true, "[::1]:6060": true, "localhost:6060": true, "none": true,
		":6060": false, "0.0.0.0:6060": false, "192.168.1.2:6060": false, "example.org:6060": false,
	} {
		if _, err := loadSettings(t, "", nil, "-pprof-addr", addr); (err == nil) != allowed {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestWhatIsLogged(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string // "": nothing is logged
	}{
		{nil, ""},
		{[]string{"-log-level", "info"}, "level=INFO msg=refused reason=path"},
		{[]string{"-v"}, "level=INFO msg=refused reason=path"},
		{[]string{"-v", "-log-level", "error"}, ""},
		{[]string{"-log-level", "info", "-log-format", "json"}, `"level":"INFO","msg":"refused","reason":"path"`},
	} {
		settings, err := loadSettings(t, "", nil, append([]string{"-addr", "127.0.0.1:0"}, c.args...)...)
		if err != nil {
			t.Fatal(err)
		}
		var log lockedBuffer
		end, ws := settings.serveForTest(t, &log)
		conn, _, err := websocket.DefaultDialer.Dial(ws+"nowhere", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _, _ = conn.ReadMessage()
		end()
		if got := log.String(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%q logs %q", c.args, got)
		}
	}
	if _, err := loadSettings(t, "", nil, "-log-level", "warning"); err == nil || !strings.Contains(err.Error(), "the nearest is warn") {
		t.Errorf("a wrong level: %v", err)
	}
}

// lockedBuffer takes what a server logs.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serveForTest runs a server whose log goes to log, until end is called.
func (c *serveSettings) serveForTest(t *testing.T, log io.Writer) (end func(), ws string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := c.serve(ctx, in, c.log.logger(log))
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	var says string
	if _, err := fmt.Fscanf(out, "signaling: listening on %s\n", &says); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}, says
}

const (
	adminSecret = "the+admin/secret"
	userSecret  = "a user's secret"
	signSecret  = "0123456789-the-signing-secret-of-32-bytes"
	scrapeToken = "the-scraper's"
	turnUser    = "1700000000:turn-user"
	turnSecret  = "turn+credential=="
)

// Every kind of secret is used, rightly and wrongly, and none is in the log.
func TestNoSecretIsLogged(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		c, err := loadSettings(t, "", nil, "-addr", "127.0.0.1:0", "-log-level", "debug", "-log-format", format,
			"-admin-token", adminSecret, "-token-secret", signSecret, "-metrics-token", scrapeToken)
		if err != nil {
			t.Fatal(err)
		}
		c.signaling.ICEServers = func() []signaling.ICEServer {
			return []signaling.ICEServer{{URLs: []string{"turn:turn.example.org"}, Username: turnUser, Credential: turnSecret}}
		}
		var log lockedBuffer
		end, ws := c.serveForTest(t, &log)
		secrets := append(useEverySecret(t, ws), adminSecret, userSecret, signSecret, scrapeToken, turnUser, turnSecret)
		end()
		text := log.String()
		for _, reason := range []string{"token registered", "admin call refused", "token", "upgrade failed"} {
			if !strings.Contains(text, reason) {
				t.Errorf("%s: nothing is logged of %q: the test looks at the wrong log\n%s", format, reason, text)
			}
		}
		for _, secret := range secrets {
			for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), fmt.Sprintf("%q", secret),
				hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)), fmt.Sprint([]byte(secret))} {
				if strings.Contains(text, form) {
					t.Errorf("%s: %q is in the log:\n%s", format, form, text)
				}
			}
		}
	}
}

// useEverySecret returns those that came into being meanwhile.
func useEverySecret(t *testing.T, ws string) (secrets []string) {
	t.Helper()
	base := strings.Replace(ws, "ws://", "http://", 1)
	for _, authorization := range []string{adminSecret, adminSecret + "x"} {
		r, err := http.NewRequest(http.MethodPost, base+"api/admin/regUserToken", strings.NewReader(`{"userToken":"`+userSecret+`","timeout":30}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", authorization)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
	for _, token := range []string{scrapeToken, scrapeToken + "x"} {
		get(t, base+"metrics", "Bearer "+token)
	}
	signer, err := jwt.New([]byte(signSecret))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(jwt.Claims{Host: true, Join: true, Prefixes: []string{""}, Until: time.Now().Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	secrets = append(secrets, signed)
	for _, token := range []string{userSecret, signed, signed + "x", "wrong " + userSecret} {
		for _, header := range []http.Header{nil, {"Authorization": {"Bearer " + token}}} {
			target := ws
			if header == nil {
				target += "?userToken=" + url.QueryEscape(token)
			}
			if secret, ok := useResumeSecret(t, target, header); ok {
				secrets = append(secrets, secret)
			}
		}
	}
	// An upgrade that fails for another reason.
	r, err := http.NewRequest(http.MethodGet, base+"?userToken="+url.QueryEscape(userSecret), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"12"}, "Authorization": {"Bearer " + userSecret}}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return secrets
}

// useResumeSecret hosts a room, is lost, and resumes. It reports false if it was
// not let in.
func useResumeSecret(t *testing.T, target string, header http.Header) (secret string, ok bool) {
	t.Helper()
	room := wire.AddressOf(fmt.Sprintf("%x", sha256.Sum256([]byte(target+fmt.Sprint(header))))) // one for each; the others' are kept for them
	e := wire.Extension{Kind: wire.ExtResume, Address: room, Secret: wire.Secret([]byte("16 wrong letters"))}
	for range 2 {
		conn, _, err := websocket.DefaultDialer.Dial(target, header)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []wire.Frame{
			{Type: wire.VersionFrame, Version: wire.ExtendedVersion}, e.Frame(-1),
			{Type: wire.ServerInitialized, DataType: wire.Text, ID: -1, Data: []byte(room)},
		} {
			_ = conn.WriteMessage(websocket.BinaryMessage, f.Append(nil))
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		for {
			_, p, err := conn.ReadMessage()
			if err != nil {
				_ = conn.Close()
				return "", false
			}
			f, err := wire.ParseFrame(p)
			if err != nil {
				t.Fatal(err)
			}
			if f.Type == wire.ExtensionFrame {
				if x, err := wire.ParseExtension(f.Data); err == nil && x.Kind == wire.ExtName {
					e.Secret, secret = x.Secret, string(x.Secret[:])
				}
			}
			if f.Type == wire.ServerInitialized || f.Type == wire.ServerInitFailed {
				break
			}
		}
		_ = conn.NetConn().Close() // lost, without a goodbye
	}
	if secret == "" {
		t.Fatal("the server gave no secret to resume with")
	}
	return secret, true
}
