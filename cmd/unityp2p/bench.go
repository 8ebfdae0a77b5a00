package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"unityp2p/internal/sigbench"
)

// bench measures: "bench signaling". "bench plain" is the server that it
// compares with.
func bench(ctx context.Context, args []string, out, errOut io.Writer) error {
	if len(args) == 1 && args[0] == "plain" {
		return sigbench.PlainServer(ctx, out)
	}
	if len(args) == 0 || args[0] != "signaling" {
		return errors.New(`bench measures one thing: say "bench signaling"`)
	}
	o, asJSON, err := benchOptions(args[1:], errOut)
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	o.Servers = []sigbench.Server{sigbench.Ours(program), sigbench.Plain(program)}
	report, err := sigbench.Run(ctx, o)
	if err != nil {
		return err
	}
	if asJSON {
		return report.JSON(out)
	}
	return report.Table(out)
}

func benchOptions(args []string, errOut io.Writer) (o sigbench.Options, asJSON bool, err error) {
	flags := flag.NewFlagSet("bench signaling", flag.ContinueOnError)
	flags.SetOutput(errOut)
	idle := flags.String("idle", "5000,19000", "how many idle peers to hold, one `NUMBER` after the other; empty: none")
	flags.DurationVar(&o.Hold, "hold", time.Minute, "how long to hold them")
	flags.DurationVar(&o.Leave, "leave", time.Minute, "how long to wait for their memory, when they have gone")
	flags.IntVar(&o.Joins, "joins", 2000, "how many joins to make, paced and flat out each; 0: none")
	flags.IntVar(&o.Rate, "rate", 100, "joins per second when they are paced")
	flags.IntVar(&o.Relays, "relays", 200_000, "how many messages to relay; 0: none")
	flags.BoolVar(&asJSON, "json", false, "write the figures as JSON")
	if err := flags.Parse(args); err != nil {
		return o, false, err
	}
	if flags.NArg() > 0 {
		return o, false, fmt.Errorf("bench signaling takes no argument, got %q", flags.Arg(0))
	}
	for _, text := range strings.FieldsFunc(*idle, func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n <= 0 {
			return o, false, fmt.Errorf("-idle says %q, which is no number of peers", text)
		}
		o.Idle = append(o.Idle, n)
	}
	if o.Joins < 0 || o.Relays < 0 || o.Rate <= 0 || o.Hold < 0 {
		return o, false, errors.New("bench signaling: no number may be negative, and -rate must be at least 1")
	}
	o.Log = errOut
	return o, asJSON, nil
}
