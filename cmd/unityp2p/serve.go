package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"unityp2p/signaling"
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
	level := slog.LevelWarn
	if c.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: level}))
	c.signaling.Logger = log
	server, err := signaling.New(c.signaling)
	if err != nil {
		return err
	}
	return runServer(ctx, server, log, c, out)
}

// listener is one address to serve at; with TLS if it has a certificate.
type listener struct {
	address   string
	cert, key string
}

func (c *serveSettings) listeners() (all []listener) {
	if c.http.on() {
		all = append(all, listener{address: c.http.address()})
	}
	if c.https.on() {
		all = append(all, listener{c.https.address(), c.cert, c.key})
	}
	return all
}

// runServer serves at all addresses until ctx ends or one of them fails.
func runServer(ctx context.Context, s *signaling.Server, log *slog.Logger, c *serveSettings, out io.Writer) error {
	listeners := c.listeners()
	failed := make(chan error, len(listeners))
	var servers []*http.Server
	var running sync.WaitGroup
	defer func() {
		end, cancel := context.WithTimeout(context.Background(), c.drain)
		defer cancel()
		for _, h := range servers {
			_ = h.Close() // no new sockets; those that there are live on
		}
		_ = s.Shutdown(end)
		running.Wait()
	}()
	for _, l := range listeners {
		socket, err := net.Listen("tcp", l.address)
		if err != nil {
			return fmt.Errorf("listening on %s: %w", l.address, err)
		}
		h := newHTTPServer(s, log)
		servers = append(servers, h)
		running.Go(func() { failed <- l.serve(h, socket) })
		if _, err := fmt.Fprintf(out, "signaling: listening on %s://%s/\n", l.scheme(), socket.Addr()); err != nil {
			return fmt.Errorf("saying where it listens: %w", err)
		}
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
		return nil
	}
}

func newHTTPServer(s *signaling.Server, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second, // of an admin call; not of WebSockets
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

func (l listener) scheme() string {
	if l.cert != "" {
		return "wss"
	}
	return "ws"
}

func (l listener) serve(h *http.Server, socket net.Listener) error {
	defer socket.Close() // ServeTLS leaves it open if the certificate is wrong
	if l.cert != "" {
		return h.ServeTLS(socket, l.cert, l.key)
	}
	return h.Serve(socket)
}
