package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"unityp2p/signaling"
)

// shutdownTime bounds the end of `serve`.
const shutdownTime = 5 * time.Second

// serve runs the signaling server until ctx ends.
func serve(ctx context.Context, args []string, out, errOut io.Writer) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(errOut)
	file := flags.String("config", "", "config.json of the original signaling server; PORT in the environment overrides its ports")
	address := flags.String("addr", "", "`HOST:PORT` to listen on, without a config file; port 0: one that is free (default: PORT in the environment, else :12776)")
	verbose := flags.Bool("v", false, "log every refusal and more, to standard error")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("serve takes no argument, got %q", flags.Arg(0))
	}
	config, listeners, err := serveConfig(*file, *address)
	if err != nil {
		return err
	}
	level := slog.LevelWarn
	if *verbose || config.Verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: level}))
	config.Config.Logger = log
	server, err := signaling.New(config.Config)
	if err != nil {
		return err
	}
	return runServer(ctx, server, log, listeners, out)
}

// listener is one address to serve at; with TLS if it has a certificate.
type listener struct {
	address   string
	cert, key string
}

func serveConfig(file, address string) (signaling.FileConfig, []listener, error) {
	if file == "" {
		if address == "" {
			address = ":" + strconv.Itoa(signaling.DefaultPort)
			if port, ok := signaling.EnvironmentPort(os.LookupEnv); ok {
				address = ":" + port
			}
		}
		return signaling.FileConfig{}, []listener{{address: address}}, nil
	}
	if address != "" {
		return signaling.FileConfig{}, nil, errors.New("-addr and -config exclude each other: the config file says where to listen")
	}
	c, err := signaling.LoadConfig(file, os.LookupEnv)
	if err != nil {
		return c, nil, err
	}
	var listeners []listener
	if c.HTTP != nil {
		listeners = append(listeners, listener{address: c.HTTP.Address()})
	}
	if c.HTTPS != nil {
		listeners = append(listeners, listener{address: c.HTTPS.Address(), cert: c.HTTPS.CertFile, key: c.HTTPS.KeyFile})
	}
	if len(listeners) == 0 {
		return c, nil, errors.New("the config file has neither httpConfig nor httpsConfig: nothing to listen on")
	}
	return c, listeners, nil
}

// runServer serves at all listeners until ctx ends or one of them fails.
func runServer(ctx context.Context, s *signaling.Server, log *slog.Logger, listeners []listener, out io.Writer) error {
	failed := make(chan error, len(listeners))
	var servers []*http.Server
	var running sync.WaitGroup
	defer func() {
		end, cancel := context.WithTimeout(context.Background(), shutdownTime)
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
