package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 2, 100}, 3}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.values, got, c.want)
		}
	}
}

func TestReport(t *testing.T) {
	library := filepath.Join(t.TempDir(), "library")
	if err := os.WriteFile(library, make([]byte, 77), 0o600); err != nil {
		t.Fatal(err)
	}
	f := make(figures)
	for round := range 3 {
		for variant, scale := range map[string]float64{ours: 1, rawDefault: 2} {
			for work, got := range map[string]float64{"bulk": 4096, "flood": 100, "paced": 99} {
				f.add(work, variant, "sender_cpu", scale*float64(round+1))
				f.add(work, variant, "receiver_cpu", scale)
				f.add(work, variant, "seconds", scale)
				f.add(work, variant, "got", got)
				f.add(work, variant, "sent", 100)
			}
			f.add("ping", variant, "p50", 3*scale)
			f.add("ping", variant, "p99", 4*scale)
		}
	}
	f.add("memory", ours, "kb_per_connection", 200)
	f.add("idle", ours, "ns", 7)
	r, err := (&bench{library: library}).report(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"ratios":{"bulk_cpu":0.5,"small_cpu":0.5,"ping_p50":0.5}`, `"paced_lost":0.01`,
		`"idle_poll_ns":7`, `"rss_kb_per_connection":200`, `"library_bytes":77`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	var table bytes.Buffer
	r.print(&table)
	if !strings.Contains(table.String(), "| ping-pong 64 B reliable, p50 | us | 3000000 | 6000000 |") {
		t.Errorf("the table is\n%s", table.String())
	}
	if plot := string(r.plot()); strings.Count(plot, "<rect") < 10 || !strings.HasSuffix(plot, "</svg>\n") {
		t.Errorf("the plot is %s", plot)
	}
}
