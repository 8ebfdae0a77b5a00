package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync/atomic"

	"github.com/gorilla/websocket"

	"unityp2p/signaling"
	"unityp2p/signaling/metrics"
	"unityp2p/signaling/status"
)

// watching is where the server can be watched.
type watching struct {
	metrics endpoint // an address of their own
	token   string   // for the metrics at the games' address
	pprof   endpoint
}

// web is all that there is at the games' address: signaling, and what people,
// load balancers and Prometheus ask for.
type web struct {
	signaling http.Handler
	page      http.Handler
	metrics   http.Handler
	token     string // for the metrics; "": nobody gets them here
	draining  atomic.Bool
}

func (c *serveSettings) newWeb(s *signaling.Server, counts *metrics.Metrics) *web {
	page := status.Config{
		Version: versionText(),
		TURN:    handsOutTURN(c.signaling.ICEServers),
		Tokens:  c.signaling.AdminToken != "" || c.signaling.Access != nil,
		Here: func() (sockets, rooms int64) {
			now := counts.Now()
			return now.Sockets, now.Rooms
		},
		TrustedProxies: c.signaling.TrustedProxies,
	}
	for _, a := range c.signaling.Apps {
		page.Paths = append(page.Paths, a.Path)
	}
	token := c.watch.token
	if token == "" {
		token = c.signaling.AdminToken
	}
	return &web{signaling: s, page: status.New(page), metrics: counts, token: token}
}

// handsOutTURN tells whether there is a TURN server among those that are handed
// out.
func handsOutTURN(servers func() []signaling.ICEServer) bool {
	if servers == nil {
		return false
	}
	for _, s := range servers() {
		for _, url := range s.URLs {
			if strings.HasPrefix(url, "turn:") || strings.HasPrefix(url, "turns:") {
				return true
			}
		}
	}
	return false
}

// ServeHTTP leaves to signaling what is not for the others.
func (w *web) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	if websocket.IsWebSocketUpgrade(r) || r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.signaling.ServeHTTP(out, r)
		return
	}
	switch r.URL.Path {
	case "/":
		w.page.ServeHTTP(out, r)
	case "/healthz":
		healthy(out, r)
	case "/readyz":
		w.ready(out, r)
	case "/metrics":
		w.guarded(out, r)
	default:
		w.signaling.ServeHTTP(out, r)
	}
}

// watch is for an address that strangers do not reach.
func (w *web) watch() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", w.metrics)
	mux.HandleFunc("GET /healthz", healthy)
	mux.HandleFunc("GET /readyz", w.ready)
	return mux
}

// healthy says that the process is alive.
func healthy(out http.ResponseWriter, _ *http.Request) { say(out, http.StatusOK, "ok") }

// ready says whether new players may be sent here.
func (w *web) ready(out http.ResponseWriter, _ *http.Request) {
	if w.draining.Load() {
		say(out, http.StatusServiceUnavailable, "draining")
		return
	}
	say(out, http.StatusOK, "ready")
}

func say(out http.ResponseWriter, code int, text string) {
	out.Header().Set("Content-Type", "text/plain; charset=utf-8")
	out.Header().Set("Cache-Control", "no-store")
	out.WriteHeader(code)
	_, _ = io.WriteString(out, text+"\n")
}

// guarded gives the metrics to those who have the token, as a bearer or bare, as
// the original's admin call takes it. If there is no token this is a path like
// any other.
func (w *web) guarded(out http.ResponseWriter, r *http.Request) {
	if w.token == "" {
		w.signaling.ServeHTTP(out, r)
		return
	}
	given := r.Header.Get("Authorization")
	if scheme, token, ok := strings.Cut(given, " "); ok && strings.EqualFold(scheme, "Bearer") {
		given = token
	}
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(w.token))
	if subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		out.Header().Set("WWW-Authenticate", "Bearer")
		say(out, http.StatusUnauthorized, "Unauthorized")
		return
	}
	w.metrics.ServeHTTP(out, r)
}

// profiles is Go's pprof, which importing it puts where nobody serves it.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
