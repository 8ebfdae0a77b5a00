package signaling

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Defaults of Config.
const (
	DefaultPort         = 12776
	DefaultMaxPayload   = 1 << 20
	DefaultPingInterval = 20 * time.Second
)

// App is an address space of its own, under a WebSocket path.
type App struct {
	Name           string
	Path           string // compared exactly, such as "/" or "/chatapp"
	AddressSharing bool   // all who listen on one address are linked to each other
}

// Config is what New needs. The zero value serves one app at "/".
type Config struct {
	Apps         []App         // none: one at "/"
	AdminToken   string        // not empty: sockets need a user token that it registered
	MaxPayload   int64         // bytes of one message; 0: 1 MiB
	PingInterval time.Duration // who has not answered one ping by the next is closed; 0: 20 s
	Logger       *slog.Logger  // nil: nothing is logged

	Limits         Limits
	Origins        []string       // web pages that may connect, such as "https://example.org"; none: all
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed; none: nobody's
	Observer       Observer       // hears what goes on; nil: nobody does

	// Access judges tokens besides AdminToken's; nil: nobody does. See Grant.
	Access Access
	// ICEServers are handed to every client of protocol version 3; nil: none.
	// It is called for each, by many goroutines, and must not block.
	ICEServers func() []ICEServer
	// ResumeGrace is how long the name of a host that lost its socket is kept
	// for it. 0: 10 s; negative: not at all.
	ResumeGrace time.Duration
}

// Server is the signaling server. Create it with New.
type Server struct {
	config   Config
	log      *slog.Logger
	apps     map[string]*app
	tokens   tokens
	limits   Limits // with the defaults
	observer Observer
	origins  map[string]struct{} // nil: all
	gate     gate
	upgrader websocket.Upgrader

	done chan struct{} // closed by Shutdown

	mu      sync.Mutex
	doubt   chan struct{} // closed by Check
	closing bool          // done is closed
	cutting bool          // Shutdown's time is over
	sockets map[*websocket.Conn]struct{}
	running sync.WaitGroup // upgrades and the sockets that come of them
}

// New makes a server. It refuses two apps with one path.
func New(c Config) (*Server, error) {
	if len(c.Apps) == 0 {
		c.Apps = []App{{Name: "default", Path: "/"}}
	}
	if c.MaxPayload == 0 {
		c.MaxPayload = DefaultMaxPayload
	}
	if c.PingInterval == 0 {
		c.PingInterval = DefaultPingInterval
	}
	if c.ResumeGrace == 0 {
		c.ResumeGrace = DefaultResumeGrace
	}
	if c.MaxPayload < 0 || c.PingInterval < 0 {
		return nil, errors.New("signaling: MaxPayload and PingInterval must not be negative")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	origins, err := parseOrigins(c.Origins)
	if err != nil {
		return nil, err
	}
	limits := c.Limits.withDefaults()
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	s := &Server{
		config: c,
		limits: limits, observer: c.Observer, origins: origins,
		gate: gate{
			most: limits.Connections, mostPerAddress: limits.ConnectionsPerAddress,
			privateToo: c.Limits.ConnectionsPerAddress != 0, proxies: c.TrustedProxies,
			from: make(map[netip.Addr]int),
		},
		log:     c.Logger,
		apps:    make(map[string]*app),
		done:    make(chan struct{}),
		doubt:   make(chan struct{}),
		sockets: make(map[*websocket.Conn]struct{}),
		upgrader: websocket.Upgrader{
			HandshakeTimeout: 10 * time.Second,
			ReadBufferSize:   1024,
			WriteBufferSize:  1024,
			WriteBufferPool:  &sync.Pool{},
			CheckOrigin:      func(*http.Request) bool { return true }, // refused later, by closing
		},
	}
	for _, a := range c.Apps {
		if a.Path == "" || a.Path[0] != '/' {
			return nil, fmt.Errorf("signaling: the path %q of app %q must begin with /", a.Path, a.Name)
		}
		if s.apps[a.Path] != nil {
			return nil, fmt.Errorf("signaling: two apps have the path %q", a.Path)
		}
		s.apps[a.Path] = newApp(a, s.observer)
	}
	return s, nil
}

// ServeHTTP serves WebSockets at the apps' paths, the admin call, and a page at
// "/" that says that the server is running.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case websocket.IsWebSocketUpgrade(r):
		s.upgrade(w, r)
	case r.URL.Path == "/api/admin/regUserToken":
		s.admin(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
	case r.URL.Path == "/" && r.Method != http.MethodPost:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(page))
	default:
		http.NotFound(w, r)
	}
}

const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>UnityP2P signaling</title></head>
<body><p>The signaling server is running.</p></body></html>
`

// checkTime is how long a socket has to answer Check.
const checkTime = 3 * time.Second

// Check pings every socket now, and ends those that do not answer within three
// seconds: for a machine that was asleep, whose sockets may all be dead without
// knowing it. It does not wait for the answers.
func (s *Server) Check() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.doubt)
	s.doubt = make(chan struct{})
}

// doubted is closed by the next Check.
func (s *Server) doubted() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doubt
}

// Shutdown tells every socket that the server goes away (1001), closes it, and
// returns when all of them and their goroutines have ended. Those that do not
// answer get a second. When ctx ends, the rest are cut off and its error is
// returned. New sockets get 503 from the moment that Shutdown is called. An
// http.Server's own Shutdown and Close know nothing of WebSockets: call one of
// them first, then this.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.closing {
		s.closing = true
		close(s.done)
	}
	for conn := range s.sockets {
		// A socket that takes nothing gets no longer than the others.
		_ = conn.NetConn().SetWriteDeadline(time.Now().Add(lingerTime))
	}
	s.mu.Unlock()
	for _, a := range s.apps {
		a.releaseAll()
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.running.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	s.cutting = true
	for conn := range s.sockets {
		cut(conn.NetConn())
	}
	s.mu.Unlock()
	<-ended
	return fmt.Errorf("signaling: shutting down: %w", ctx.Err())
}

// ending tells whether Shutdown was called.
func (s *Server) ending() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// begin notes that an upgrade begins. It reports false if the server is
// closing; else the caller calls s.running.Done in the end.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.running.Add(1)
	return true
}

// enter notes a socket, so that Shutdown can cut it off.
func (s *Server) enter(conn *websocket.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets[conn] = struct{}{}
	if s.cutting {
		cut(conn.NetConn())
	}
}

func (s *Server) leave(conn *websocket.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sockets, conn)
}
