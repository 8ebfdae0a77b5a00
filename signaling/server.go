package signaling

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
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

// DefaultApps are those of a Config that names none.
func DefaultApps() []App { return []App{{Name: "default", Path: "/"}} }

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

// handshakeWrite is how long a client may take to accept the answer to its
// upgrade.
const handshakeWrite = 10 * time.Second

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

	made     time.Time
	pulse    pulse
	batches  batches
	messages messages
	chunks   chunks
	stored   atomic.Int64 // bytes that lie here for sockets, or from them

	mu      sync.Mutex
	closing bool // Shutdown was called
	cutting bool // its time is over
	sockets map[*websocket.Conn]struct{}
	running sync.WaitGroup // upgrades and the sockets that come of them
}

// New makes a server. It refuses two apps with one path.
func New(c Config) (*Server, error) {
	if len(c.Apps) == 0 {
		c.Apps = DefaultApps()
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
		made:    time.Now(),
		sockets: make(map[*websocket.Conn]struct{}),
		upgrader: websocket.Upgrader{
			HandshakeTimeout: handshakeWrite,
			WriteBufferPool:  &sync.Pool{},                             // unused; without it, each socket has a buffer
			CheckOrigin:      func(*http.Request) bool { return true }, // refused later, by closing
		},
	}
	s.pulse.init()
	s.messages.stored, s.messages.most = &s.stored, int64(limits.Buffered)
	town := &town{mostRooms: int64(limits.Rooms), mostLinks: int64(limits.Links), mostAsked: limits.LinksPerPeer}
	for _, a := range c.Apps {
		if a.Path == "" || a.Path[0] != '/' {
			return nil, fmt.Errorf("signaling: the path %q of app %q must begin with /", a.Path, a.Name)
		}
		if s.apps[a.Path] != nil {
			return nil, fmt.Errorf("signaling: two apps have the path %q", a.Path)
		}
		s.apps[a.Path] = newApp(a, s.observer, town)
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
