package status

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// Config is what a Page shows.
type Config struct {
	Version string
	Paths   []string // that games connect to; none: "/"
	TURN    bool     // TURN servers are handed out to players
	Tokens  bool     // players need a token

	// Here returns how many sockets and rooms there are now. It must be cheap:
	// everybody can ask.
	Here func() (sockets, rooms int64)

	// TrustedProxies are believed what they say in X-Forwarded-Proto and
	// X-Forwarded-Host, besides those in private networks.
	TrustedProxies []netip.Prefix
}

// Page serves the page. Create it with New.
type Page struct {
	config   Config
	began    time.Time
	template *template.Template
	policy   string
}

//go:embed page.html
var pageHTML string

//go:embed style.css
var styleCSS string

// New returns the page. The uptime counts from now.
func New(c Config) *Page {
	if len(c.Paths) == 0 {
		c.Paths = []string{"/"}
	}
	sum := sha256.Sum256([]byte(styleCSS))
	return &Page{
		config:   c,
		began:    time.Now(),
		template: template.Must(template.New("page").Parse(pageHTML)),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; " +
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}
}

// view is what the template shows.
type view struct {
	Style     template.CSS
	Config    Config
	URLs      []string
	Secure    bool // wss://
	Local     bool // the address means nothing outside this machine or network
	Sockets   string
	Rooms     string
	Uptime    string
	UptimeISO string
}

// ServeHTTP shows the page, whatever the path is.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := p.origin(r)
	sockets, rooms := p.config.Here()
	up := time.Since(p.began)
	v := view{
		Style: template.CSS(styleCSS), Config: p.config,
		Secure: at.scheme == "wss", Local: at.local(),
		Sockets: grouped(sockets), Rooms: grouped(rooms),
		Uptime: spell(up), UptimeISO: fmt.Sprintf("PT%dS", int64(up.Seconds())),
	}
	for _, path := range p.config.Paths {
		v.URLs = append(v.URLs, at.url(path))
	}
	var body bytes.Buffer
	if err := p.template.Execute(&body, v); err != nil {
		http.Error(w, "The signaling server is running, but cannot show its page.", http.StatusInternalServerError)
		return
	}
	p.secure(w.Header())
	_, _ = body.WriteTo(w)
}

// secure sets the headers that keep a page to itself.
func (p *Page) secure(h http.Header) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // for browsers that do not know frame-ancestors
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-store")
}

// spell says how long a time is, as people do.
func spell(d time.Duration) string {
	count := func(n time.Duration, one string) string {
		if n == 1 {
			return "1 " + one
		}
		return strconv.FormatInt(int64(n), 10) + " " + one + "s"
	}
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return count(d/time.Second, "second")
	case d < time.Hour:
		return count(d/time.Minute, "minute")
	case d < day:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return count(d/day, "day") + fmt.Sprintf(" %d h", d%day/time.Hour)
}

// grouped writes a number with a thin space between thousands.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return text
}
