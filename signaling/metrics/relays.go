package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"unityp2p/signaling/turn"
)

// Relays counts what a TURN server does. It is a turn.Observer.
type Relays struct {
	relays                       prometheus.Gauge
	begun                        prometheus.Counter
	packets, bytes               prometheus.Counter
	droppedPackets, droppedBytes prometheus.Counter
	refusals                     map[turn.RelayRefusal]prometheus.Counter
}

var _ turn.Observer = (*Relays)(nil)

// Relays returns what observes the TURN server that runs beside the signaling
// server. To be called once.
func (m *Metrics) Relays() *Relays {
	count := func(name, help string) prometheus.Counter {
		return register(m.registry, prometheus.NewCounter(prometheus.CounterOpts{Name: "unityp2p_turn_" + name, Help: help}))
	}
	r := &Relays{
		relays: register(m.registry, prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "unityp2p_turn_relays", Help: "Relays (TURN allocations) that there are.",
		})),
		begun:          count("relays_begun_total", "Relays that were begun."),
		packets:        count("packets_total", "Packets that were relayed, to and from players."),
		bytes:          count("bytes_total", "Bytes that were relayed, to and from players."),
		droppedPackets: count("dropped_packets_total", "Packets that were dropped because their player's relays carried too much."),
		droppedBytes:   count("dropped_bytes_total", "Bytes of the packets that were dropped."),
		refusals:       make(map[turn.RelayRefusal]prometheus.Counter),
	}
	refused := register(m.registry, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "unityp2p_turn_refusals_total",
		Help: "Relays, addresses and connections that were refused, by reason.",
	}, []string{"reason"}))
	for _, why := range turn.RelayRefusals() {
		r.refusals[why] = refused.WithLabelValues(string(why))
	}
	return r
}

// Allocations counts a relay that began, or ended.
func (r *Relays) Allocations(change int) {
	r.relays.Add(float64(change))
	if change > 0 {
		r.begun.Add(float64(change))
	}
}

// Carried counts a packet that was relayed.
func (r *Relays) Carried(bytes int) {
	r.packets.Inc()
	r.bytes.Add(float64(bytes))
}

// Dropped counts one that was not.
func (r *Relays) Dropped(bytes int) {
	r.droppedPackets.Inc()
	r.droppedBytes.Add(float64(bytes))
}

// RelayRefused counts a refusal.
func (r *Relays) RelayRefused(why turn.RelayRefusal) {
	if c, ok := r.refusals[why]; ok {
		c.Inc()
	}
}
