package metrics

import (
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"unityp2p/core/wire"
	"unityp2p/signaling"
)

// Metrics observes one signaling server. Create it with New.
type Metrics struct {
	registry *prometheus.Registry
	handler  http.Handler

	apps     map[string]*app
	refusals map[signaling.Refusal]prometheus.Counter
	received frames
	sent     frames
	relays   prometheus.Histogram

	// For Now, which has to be cheap too: anybody can ask for the page that
	// shows it.
	sockets, rooms, links atomic.Int64
}

var _ signaling.Observer = (*Metrics)(nil)

// app is what is counted for each app.
type app struct {
	connections, rooms, links      prometheus.Gauge
	connected, roomsOpened, linked prometheus.Counter
}

// kind is a kind of frame that is counted.
type kind struct{ count, bytes prometheus.Counter }

// frames has a kind for every type that there can be.
type frames [256]*kind

func (f *frames) add(t wire.FrameType, bytes int) {
	k := f[t]
	k.count.Inc()
	k.bytes.Add(float64(bytes))
}

// kinds are the names of the types of frames, as docs/protocol.md has them.
var kinds = map[wire.FrameType]string{
	wire.UnreliableMessage: "unreliable_message",
	wire.ReliableMessage:   "reliable_message",
	wire.ServerInitialized: "server_initialized",
	wire.ServerInitFailed:  "server_init_failed",
	wire.ServerClosed:      "server_closed",
	wire.NewConnection:     "new_connection",
	wire.ConnectionFailed:  "connection_failed",
	wire.Disconnected:      "disconnected",
	wire.VersionFrame:      "version",
	wire.HeartbeatFrame:    "heartbeat",
	wire.ExtensionFrame:    "extension",
}

// other is the label of what New was not told of.
const other = "other"

// relayBuckets are seconds. A relay takes some tens of microseconds; one that
// waits for a partner that does not read may take Limits.Slow.
var relayBuckets = []float64{10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 10e-3, 50e-3, 250e-3, 1, 5, 30}

// New returns what observes a server with these apps, as in signaling.Config.
// The version is shown as it is.
func New(apps []signaling.App, version string) *Metrics {
	if len(apps) == 0 {
		apps = signaling.DefaultApps()
	}
	r := prometheus.NewRegistry()
	m := &Metrics{
		registry: r,
		handler:  promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 4}),
		apps:     make(map[string]*app),
		refusals: make(map[signaling.Refusal]prometheus.Counter),
		received: newFrames(r, "received", "came in"),
		sent:     newFrames(r, "sent", "were given to sockets to send"),
		relays: register(r, prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "unityp2p_signaling_relay_seconds",
			Help:    "Time from taking a relayed frame off one socket to giving it to the other's.",
			Buckets: relayBuckets,
		})),
	}
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.addApps(apps)
	refused := register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "unityp2p_signaling_refusals_total",
		Help: "Upgrades, rooms and links that were refused, and sockets that were ended, by reason.",
	}, []string{"reason"}))
	for _, why := range append(signaling.Refusals(), other) {
		m.refusals[why] = refused.WithLabelValues(string(why))
	}
	register(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "unityp2p_signaling_build_info",
		Help: "1, with the versions of the program and of Go.",
	}, []string{"version", "goversion"})).WithLabelValues(version, runtime.Version()).Set(1)
	return m
}

// register is for what is registered once, in a registry of our own: its names
// cannot be taken.
func register[C prometheus.Collector](r *prometheus.Registry, c C) C {
	r.MustRegister(c)
	return c
}

func newFrames(r *prometheus.Registry, which, what string) (all frames) {
	count := register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "unityp2p_signaling_" + which + "_frames_total",
		Help: "Frames that " + what + ", by type.",
	}, []string{"type"}))
	bytes := register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "unityp2p_signaling_" + which + "_bytes_total",
		Help: "Bytes of the frames that " + what + ", by type.",
	}, []string{"type"}))
	unknown := &kind{count.WithLabelValues(other), bytes.WithLabelValues(other)}
	for t := range all {
		all[t] = unknown
	}
	for t, name := range kinds {
		all[t] = &kind{count.WithLabelValues(name), bytes.WithLabelValues(name)}
	}
	return all
}

func (m *Metrics) addApps(apps []signaling.App) {
	gauge := func(name, help string) *prometheus.GaugeVec {
		opts := prometheus.GaugeOpts{Name: "unityp2p_signaling_" + name, Help: help}
		return register(m.registry, prometheus.NewGaugeVec(opts, []string{"app"}))
	}
	counter := func(name, help string) *prometheus.CounterVec {
		opts := prometheus.CounterOpts{Name: "unityp2p_signaling_" + name, Help: help}
		return register(m.registry, prometheus.NewCounterVec(opts, []string{"app"}))
	}
	connections := gauge("connections", "Sockets that are open, by app.")
	rooms := gauge("rooms", "Addresses that are listened on, by app.")
	links := gauge("links", "Links between sockets, by app.")
	connected := counter("connections_total", "Sockets that were let in, by app.")
	opened := counter("rooms_opened_total", "Addresses that somebody began to listen on, by app.")
	linked := counter("links_made_total", "Links that were made, by app.")
	for _, a := range append(apps[:len(apps):len(apps)], signaling.App{Name: other}) {
		label := strings.ToValidUTF8(a.Name, "\uFFFD") // Prometheus takes no other
		m.apps[a.Name] = &app{
			connections: connections.WithLabelValues(label), connected: connected.WithLabelValues(label),
			rooms: rooms.WithLabelValues(label), roomsOpened: opened.WithLabelValues(label),
			links: links.WithLabelValues(label), linked: linked.WithLabelValues(label),
		}
	}
}

// ServeHTTP answers with all metrics, to whoever asks: who may is the business
// of the caller.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.handler.ServeHTTP(w, r) }

// Counts is how many are here.
type Counts struct{ Sockets, Rooms, Links int64 }

// Now returns how many are here in all apps together.
func (m *Metrics) Now() Counts {
	return Counts{Sockets: m.sockets.Load(), Rooms: m.rooms.Load(), Links: m.links.Load()}
}

// The methods below are those of signaling.Observer.

func (m *Metrics) app(name string) *app {
	if a, ok := m.apps[name]; ok {
		return a
	}
	return m.apps[other]
}

// Connected counts a socket that was let in.
func (m *Metrics) Connected(app string) {
	m.sockets.Add(1)
	a := m.app(app)
	a.connections.Inc()
	a.connected.Inc()
}

// Disconnected counts one that has ended.
func (m *Metrics) Disconnected(app string) {
	m.sockets.Add(-1)
	m.app(app).connections.Dec()
}

// Refused counts a refusal.
func (m *Metrics) Refused(why signaling.Refusal) {
	c, ok := m.refusals[why]
	if !ok {
		c = m.refusals[other]
	}
	c.Inc()
}

// Rooms counts a room that was opened, or closed.
func (m *Metrics) Rooms(app string, change int) {
	m.rooms.Add(int64(change))
	a := m.app(app)
	a.rooms.Add(float64(change))
	if change > 0 {
		a.roomsOpened.Add(float64(change))
	}
}

// Links counts a link that was made, or dropped.
func (m *Metrics) Links(app string, change int) {
	m.links.Add(int64(change))
	a := m.app(app)
	a.links.Add(float64(change))
	if change > 0 {
		a.linked.Add(float64(change))
	}
}

// Received counts a frame that came in.
func (m *Metrics) Received(kind wire.FrameType, bytes int) { m.received.add(kind, bytes) }

// Sent counts a frame that was given to a socket.
func (m *Metrics) Sent(kind wire.FrameType, bytes int) { m.sent.add(kind, bytes) }

// Relayed counts a frame that was passed on.
func (m *Metrics) Relayed(wait time.Duration) { m.relays.Observe(wait.Seconds()) }
