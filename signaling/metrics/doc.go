// Package metrics counts what goes on in a signaling server, for Prometheus.
//
// A [Metrics] is a signaling.Observer to be put into signaling.Config, and an
// http.Handler to be put where Prometheus asks. Counting a frame costs a few
// atomic additions: every counter is looked up once, in New.
package metrics
