package main

import (
	"fmt"
	"io"
	"os"
	"slices"
)

// report is what came of it. Ratios are ours to pion's defaults, medians of
// pairs that ran one after the other.
type report struct {
	Ratios struct {
		BulkCPU  float64 `json:"bulk_cpu"`
		SmallCPU float64 `json:"small_cpu"`
		PingP50  float64 `json:"ping_p50"`
	} `json:"ratios"`
	PacedLost  float64 `json:"paced_lost"` // share of the messages, all rounds
	IdlePollNS float64 `json:"idle_poll_ns"`
	RSSKB      float64 `json:"rss_kb_per_connection"`

	LibraryBytes int64   `json:"library_bytes"`
	ReceiveLimit string  `json:"rmem_max"`
	Rows         []row   `json:"rows"`
	Raw          figures `json:"runs"`
}

// row is one line of the table: medians, by variant.
type row struct {
	Name   string             `json:"name"`
	Unit   string             `json:"unit"`
	Values map[string]float64 `json:"values"`
	Aim    string             `json:"aim,omitempty"`
	format string
}

// metric derives a figure from those of one run.
type metric struct {
	work, name, unit, format, aim string
	of                            func(run map[string]float64) float64
}

func total(r map[string]float64) float64 { return r["sender_cpu"] + r["receiver_cpu"] }

const megabytes = 4096 * 16384 / 1e6

var metrics = []metric{
	{"bulk", "bulk 16 KiB reliable, CPU of both", "ms/MB", "%.1f", "0.8 of pion default",
		func(r map[string]float64) float64 { return 1000 * total(r) / megabytes }},
	{"bulk", "bulk 16 KiB reliable", "MB/s", "%.1f", "", func(r map[string]float64) float64 { return megabytes / r["seconds"] }},
	{"flood", "100 B unreliable flat out, CPU of both", "ms/100k received", "%.0f", "0.6 of pion default",
		func(r map[string]float64) float64 { return 1000 * total(r) / r["got"] * 100_000 }},
	{"flood", "100 B unreliable flat out, received", "messages/s", "%.0f", "", func(r map[string]float64) float64 { return r["got"] / r["seconds"] }},
	{"flood", "100 B unreliable flat out, lost", "%", "%.1f", "", lost},
	{"paced", "100 B unreliable at 50k/s, CPU of both", "ms/100k received", "%.0f", "",
		func(r map[string]float64) float64 { return 1000 * total(r) / r["got"] * 100_000 }},
	{"paced", "100 B unreliable at 50k/s, lost", "%", "%.2f", "0", lost},
	{"ping", "ping-pong 64 B reliable, p50", "us", "%.0f", "1.3 of pion default", func(r map[string]float64) float64 { return 1e6 * r["p50"] }},
	{"ping", "ping-pong 64 B reliable, p99", "us", "%.0f", "", func(r map[string]float64) float64 { return 1e6 * r["p99"] }},
	{"open", "create to open, signaling included", "ms", "%.1f", "", func(r map[string]float64) float64 { return 1000 * r["open"] }},
	{"memory", "resident memory, each of 50 connections more", "KB", "%.0f", "150", func(r map[string]float64) float64 { return r["kb_per_connection"] }},
	{"idle", "poll of an idle room, from C", "ns", "%.1f", "10", func(r map[string]float64) float64 { return r["ns"] }},
}

func lost(r map[string]float64) float64 { return 100 * (1 - r["got"]/r["sent"]) }

// values derives a metric from every run of a variant.
func (m *metric) values(f figures, variant string) (values []float64) {
	runs := f[m.work][variant]
	for _, all := range runs {
		values = make([]float64, len(all))
	}
	for i := range values {
		one := make(map[string]float64)
		for name, all := range runs {
			one[name] = all[i]
		}
		values[i] = m.of(one)
	}
	return values
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return 0
	}
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// ratio is the median of the ratios of ours to pion's defaults, round by round.
func (m *metric) ratio(f figures) float64 {
	a, b := m.values(f, ours), m.values(f, rawDefault)
	ratios := make([]float64, min(len(a), len(b)))
	for i := range ratios {
		ratios[i] = a[i] / b[i]
	}
	return median(ratios)
}

func (b *bench) report(f figures) (*report, error) {
	r := &report{Raw: f}
	for _, m := range metrics {
		line := row{Name: m.name, Unit: m.unit, Values: make(map[string]float64), Aim: m.aim, format: m.format}
		for _, variant := range variants {
			if values := m.values(f, variant); len(values) > 0 {
				line.Values[variant] = median(values)
			}
		}
		r.Rows = append(r.Rows, line)
	}
	r.Ratios.BulkCPU, r.Ratios.SmallCPU, r.Ratios.PingP50 = metrics[0].ratio(f), metrics[2].ratio(f), metrics[7].ratio(f)
	r.IdlePollNS = median(metrics[11].values(f, ours))
	r.RSSKB = median(metrics[10].values(f, ours))
	if paced := f["paced"][ours]; len(paced) > 0 {
		r.PacedLost = 1 - sum(paced["got"])/sum(paced["sent"])
	}
	info, err := os.Stat(b.library)
	if err != nil {
		return nil, err
	}
	r.LibraryBytes = info.Size()
	limit, err := os.ReadFile("/proc/sys/net/core/rmem_max")
	if err == nil {
		r.ReceiveLimit = string(slices.DeleteFunc(limit, func(c byte) bool { return c == '\n' }))
	}
	return r, nil
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

// print writes the table as Markdown.
func (r *report) print(w io.Writer) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	p("| | unit |")
	for _, v := range variants {
		p(" %s |", v)
	}
	p(" aim |\n|---|---|---|---|---|---|---|\n")
	for _, line := range r.Rows {
		p("| %s | %s |", line.Name, line.Unit)
		for _, v := range variants {
			if value, ok := line.Values[v]; ok {
				p(" "+line.format+" |", value)
			} else {
				p(" |")
			}
		}
		p(" %s |\n", line.Aim)
	}
	p("| library, stripped | bytes | %d | | | | |\n\n", r.LibraryBytes)
	p("Ratios, ours to pion default, medians of pairs: bulk CPU %.2f, small-message CPU %.2f, ping p50 %.2f.\n",
		r.Ratios.BulkCPU, r.Ratios.SmallCPU, r.Ratios.PingP50)
	p("Lost of all paced messages: %.4f %%. Largest socket buffer that this system grants: %s bytes.\n", 100*r.PacedLost, r.ReceiveLimit)
}
