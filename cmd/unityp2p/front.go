package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"unityp2p/cmd/unityp2p/certs"
	"unityp2p/signaling"
)

// front is what stands between the network and the signaling server: listening,
// TLS, and an orderly end.
type front struct {
	settings     *serveSettings
	log          *slog.Logger
	handler      *signaling.Server
	certificates certs.Source // nil: no TLS

	servers []*http.Server
	running sync.WaitGroup // what serves, and what keeps the certificates and memory
}

// run serves until ctx ends or a listener fails, and then drains.
func (f *front) run(ctx context.Context, out io.Writer) error {
	keeping, stop := context.WithCancel(context.Background())
	failed := make(chan error, 2) // one for each endpoint
	defer func() {
		stop()
		f.drain()
	}()
	for _, open := range []func(chan<- error, io.Writer) error{f.open, f.openTLS} {
		if err := open(failed, out); err != nil {
			return err
		}
	}
	if f.certificates != nil {
		f.running.Go(func() { f.certificates.Keep(keeping) })
	}
	f.running.Go(func() { calmDown(keeping) })
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
		return nil
	}
}

// open serves at the endpoint without TLS.
func (f *front) open(failed chan<- error, out io.Writer) error {
	if !f.settings.http.on() {
		return nil
	}
	var handler http.Handler
	says := "signaling: listening on ws://%s/\n"
	if acme, ok := f.certificates.(*certs.ACME); ok {
		if f.settings.onlyChallenges {
			handler, says = acme.Challenges(nil), "signaling: the authority may ask at http://%s/\n"
		} else {
			handler = acme.Challenges(f.handler)
		}
	}
	h := f.newServer(handler)
	return f.serve(h, f.settings.http, h.Serve, failed, out, says)
}

// openTLS serves at the endpoint with it.
func (f *front) openTLS(failed chan<- error, out io.Writer) error {
	if !f.settings.https.on() {
		return nil
	}
	h := f.newServer(nil)
	h.TLSConfig = f.certificates.TLS()
	serve := func(l net.Listener) error { return h.ServeTLS(l, "", "") }
	return f.serve(h, f.settings.https, serve, failed, out, "signaling: listening on wss://%s/\n")
}

// newServer returns an HTTP server for h; nil: for the signaling server.
func (f *front) newServer(h http.Handler) *http.Server {
	server := f.handler.HTTPServer(h)
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true) // WebSockets need no more
	return server
}

// serve lets h serve at an endpoint and says so.
func (f *front) serve(h *http.Server, e endpoint, serve func(net.Listener) error, failed chan<- error, out io.Writer, says string) error {
	socket, err := net.Listen("tcp", e.address())
	if err != nil {
		return fmt.Errorf("listening on %s: %w", e.address(), err)
	}
	f.servers = append(f.servers, h)
	f.running.Go(func() {
		defer socket.Close() // ServeTLS does not, if it ends early
		failed <- serve(socket)
	})
	if _, err := fmt.Fprintf(out, says, socket.Addr()); err != nil {
		return fmt.Errorf("saying where it listens: %w", err)
	}
	return nil
}

// requestTime is what a request that has begun may still take when the server
// ends. WebSockets are none: they have all of the drain.
const requestTime = time.Second

// drain ends everything within the time that the settings give: no new sockets,
// the sockets that there are are told, and what does not go is cut off.
func (f *front) drain() {
	end, cancel := context.WithTimeout(context.Background(), f.settings.drain)
	defer cancel()
	var ending sync.WaitGroup
	for _, h := range f.servers {
		ending.Go(func() {
			soon, cancel := context.WithTimeout(end, requestTime)
			defer cancel()
			if err := h.Shutdown(soon); err != nil {
				_ = h.Close()
			}
		})
	}
	if err := f.handler.Shutdown(end); err != nil && !errors.Is(err, context.Canceled) {
		f.log.Warn("the time to drain was over", "error", err)
	}
	ending.Wait()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.running.Wait()
	}()
	select {
	case <-ended:
	case <-end.Done(): // an authority that does not answer holds nobody up
	}
}
