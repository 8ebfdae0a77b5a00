package main

import (
	"context"
	"io"
	"log/slog"

	"unityp2p/cmd/unityp2p/certs"
	"unityp2p/signaling"
	"unityp2p/signaling/metrics"
)

// input is what a command is told with.
type input struct {
	args    []string
	environ []string // as os.Environ has it
	help    io.Writer
}

// serve runs the signaling server until ctx ends.
func serve(ctx context.Context, in input, out, errOut io.Writer) error {
	c := newServeSettings()
	table := c.table()
	if err := c.load(table, in); err != nil {
		return err
	}
	if c.printConfig {
		return table.Print(out)
	}
	return c.serve(ctx, out, c.log.logger(errOut))
}

// serve runs the server that the settings describe.
func (c *serveSettings) serve(ctx context.Context, out io.Writer, log *slog.Logger) error {
	c.signaling.Logger = log
	counts := metrics.New(c.signaling.Apps, versionText())
	c.signaling.Observer = counts
	relay, err := c.relay(counts, log, out)
	if err != nil {
		return err
	}
	if relay != nil {
		defer relay.Close()
		c.signaling.ICEServers = relay.ICEServers
	}
	handler, err := signaling.New(c.signaling)
	if err != nil {
		return err
	}
	source, err := c.certificates(log)
	if err != nil {
		return err
	}
	f := &front{settings: c, log: log, handler: handler, relay: relay, web: c.newWeb(handler, counts), certificates: source}
	return f.run(ctx, out)
}

// certificates are for the endpoint with TLS; nil if there is none.
func (c *serveSettings) certificates(log *slog.Logger) (certs.Source, error) {
	switch {
	case len(c.acme.Hosts) > 0:
		return certs.NewACME(c.acme, log)
	case c.https.on():
		return certs.OpenFiles(c.cert, c.key, certs.Interval, log)
	}
	return nil, nil //nolint:nilnil // none is fine
}
