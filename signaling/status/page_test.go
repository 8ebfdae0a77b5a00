package status_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"unityp2p/signaling/status"
)

// show asks for the page as a browser would that came by a URL and perhaps a
// proxy.
func show(c status.Config, change func(*http.Request)) *httptest.ResponseRecorder {
	c.Version = "1.2.3"
	if c.Here == nil {
		c.Here = func() (int64, int64) { return 1234, 56 }
	}
	r := httptest.NewRequest(http.MethodGet, "http://game.example.org/", nil)
	r.RemoteAddr = "203.0.113.9:1234"
	change(r)
	w := httptest.NewRecorder()
	status.New(c).ServeHTTP(w, r)
	return w
}

// What to put into the game depends on how one came.
func TestTheURLIsTheOneThatOneCameBy(t *testing.T) {
	forwarded := func(from, proto, host string) func(*http.Request) {
		return func(r *http.Request) {
			r.RemoteAddr = from
			r.Header.Set("X-Forwarded-Proto", proto)
			if host != "" {
				r.Header.Set("X-Forwarded-Host", host)
			}
		}
	}
	trusted := status.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}
	for name, c := range map[string]struct {
		config status.Config
		change func(*http.Request)
		want   string
	}{
		"plain":            {change: func(*http.Request) {}, want: "ws://game.example.org/"},
		"TLS":              {change: func(r *http.Request) { r.TLS = new(tls.ConnectionState) }, want: "wss://game.example.org/"},
		"a port":           {change: func(r *http.Request) { r.Host = "game.example.org:12776" }, want: "ws://game.example.org:12776/"},
		"IPv6":             {change: func(r *http.Request) { r.Host = "[2001:db8::1]:12776" }, want: "ws://[2001:db8::1]:12776/"},
		"a platform":       {change: forwarded("10.1.2.3:99", "https", ""), want: "wss://game.example.org/"},
		"an IPv6 platform": {change: forwarded("[fdaa::3]:99", "https", ""), want: "wss://game.example.org/"},
		"two proxies":      {change: forwarded("127.0.0.1:99", "http, https", "inner.example, game.example.com"), want: "wss://game.example.com/"},
		"a named proxy":    {trusted, forwarded("198.51.100.7:99", "https", ""), "wss://game.example.org/"},
		"a stranger":       {trusted, forwarded("203.0.113.9:99", "https", "evil.example"), "ws://game.example.org/"},
		"TLS, and a proxy that takes it off again": {change: func(r *http.Request) {
			r.TLS = new(tls.ConnectionState)
			forwarded("10.1.2.3:99", "http", "")(r)
		}, want: "ws://game.example.org/"},
		"an app":       {status.Config{Paths: []string{"/chat"}}, func(*http.Request) {}, "ws://game.example.org/chat"},
		"an odd app":   {status.Config{Paths: []string{"/<b>?#"}}, func(*http.Request) {}, "ws://game.example.org/%3Cb%3E%3F%23"},
		"no host":      {change: func(r *http.Request) { r.Host = "" }, want: "ws://HOST/"},
		"a wrong host": {change: func(r *http.Request) { r.Host = `"><script>alert(1)</script>` }, want: "ws://HOST/"},
	} {
		body := show(c.config, c.change).Body.String()
		if !strings.Contains(body, "<code>"+c.want+"</code>") || strings.Contains(body, "evil") || strings.Contains(body, "<script") {
			t.Errorf("%s: no %s in %s", name, c.want, body[strings.Index(body, "<h2>"):])
		}
	}
}

func TestWhatThePageSays(t *testing.T) {
	plain := func(*http.Request) {}
	w := show(status.Config{TURN: true, Tokens: true}, plain)
	for _, text := range []string{"running", "1.2.3", "1\u202f234", ">56<", "0 seconds", "<dd>on</dd>", "need a token", "without encryption"} {
		if !strings.Contains(w.Body.String(), text) {
			t.Errorf("no %q in\n%s", text, w.Body)
		}
	}
	w = show(status.Config{}, func(r *http.Request) { r.TLS = new(tls.ConnectionState) })
	for _, text := range []string{"need a token", "without encryption", "<dd>on</dd>", "nearby"} {
		if strings.Contains(w.Body.String(), text) {
			t.Errorf("%q in\n%s", text, w.Body)
		}
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if size := w.Body.Len(); size > 10<<10 {
		t.Errorf("the page has %d bytes", size)
	}
	for host, nearby := range map[string]bool{
		"localhost:12776": true, "127.0.0.1": true, "192.168.1.5:12776": true, "[fe80::1]:1": true, "[::1]": true, "nas": true,
		"game.example.org": false, "8.8.8.8:80": false, "[2001:db8::1]": false,
	} {
		if body := show(status.Config{}, func(r *http.Request) { r.Host = host }).Body.String(); strings.Contains(body, "network only") != nearby {
			t.Errorf("%s: nearby is %v", host, !nearby)
		}
	}
}
