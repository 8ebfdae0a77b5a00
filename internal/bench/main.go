// Bench measures the library against pion/webrtc as it comes and as it can be
// tuned: two processes each, ours through the C functions, runs taking turns.
// "./build.sh bench" builds what it needs and runs it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"unityp2p/signaling"
)

func main() {
	b := bench{}
	jsonFile := flag.String("json", "", "write all figures to this file")
	plotFile := flag.String("plot", "", "draw the comparison into this SVG file")
	flag.StringVar(&b.ours, "ours", "", "the program from ours.c")
	flag.StringVar(&b.raw, "raw", "", "the program from ./internal/bench/raw")
	flag.StringVar(&b.library, "library", "", "the library, for its size")
	flag.StringVar(&b.stock, "stock", "", "folder of a library that takes the socket buffers that stock Linux grants")
	flag.IntVar(&b.rounds, "rounds", 5, "how often everything is measured")
	flag.StringVar(&b.only, "only", "", "measure this work alone: bulk, flood, paced, ping, open, memory or idle")
	flag.Parse()
	if err := b.main(*jsonFile, *plotFile); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is what is compared, and how often.
type bench struct {
	ours, raw, library, stock string
	rounds                    int
	only                      string
}

func (b *bench) main(jsonFile, plotFile string) error {
	figures, err := b.measure()
	if err != nil {
		return err
	}
	r, err := b.report(figures)
	if err != nil {
		return err
	}
	r.print(os.Stdout)
	if plotFile != "" {
		if err := os.WriteFile(plotFile, r.plot(), 0o644); err != nil {
			return err
		}
	}
	if jsonFile == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(jsonFile, append(text, '\n'), 0o644)
}

// The variants that take turns.
const (
	ours       = "ours"
	oursStock  = "ours, stock buffers"
	rawDefault = "pion default"
	rawTuned   = "pion tuned"
)

var variants = []string{ours, rawDefault, rawTuned, oursStock}

// job is one thing to measure.
type job struct {
	work     string
	count    int
	variants []string
	rounds   int // 0: as many as asked for
}

var jobs = []job{
	{"bulk", 4096, variants, 0}, // 64 MiB
	{"flood", 300_000, variants, 0},
	{"paced", 150_000, variants, 0}, // 3 s
	{"ping", 3000, []string{ours, rawDefault, rawTuned}, 0},
	{"open", 1, []string{ours, rawDefault}, 0},
	{"memory", 50, []string{ours, rawDefault}, 1},
	{"idle", 20_000_000, []string{ours}, 0},
}

// figures are what the runs printed, by work, variant and name, in their order.
type figures map[string]map[string]map[string][]float64

func (f figures) add(work, variant, name string, v float64) {
	if f[work] == nil {
		f[work] = make(map[string]map[string][]float64)
	}
	if f[work][variant] == nil {
		f[work][variant] = make(map[string][]float64)
	}
	f[work][variant][name] = append(f[work][variant][name], v)
}

func (b *bench) measure() (figures, error) {
	url, stop, err := serve()
	if err != nil {
		return nil, err
	}
	defer stop()
	all := make(figures)
	for round := range b.rounds {
		for _, j := range jobs {
			if (j.rounds > 0 && round >= j.rounds) || (b.only != "" && b.only != j.work) {
				continue
			}
			for i := range j.variants {
				// Whoever goes first in one round goes later in the next.
				variant := j.variants[(i+round)%len(j.variants)]
				began := time.Now()
				got, err := b.run(variant, url, j)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", j.work, variant, err)
				}
				for name, v := range got {
					all.add(j.work, variant, name, v)
				}
				fmt.Fprintf(os.Stderr, "round %d of %d: %-6s %-20s %.1f s\n", round+1, b.rounds, j.work, variant, time.Since(began).Seconds())
			}
		}
	}
	return all, nil
}

// serve runs the signaling server that our ends meet through.
func serve() (url string, stop func(), err error) {
	s, err := signaling.New(signaling.Config{})
	if err != nil {
		return "", nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	web := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = web.Serve(listener) }()
	return "ws://" + listener.Addr().String() + "/", func() { _ = web.Close() }, nil
}
