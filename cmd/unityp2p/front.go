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
	"syscall"
	"time"

	"unityp2p/cmd/unityp2p/certs"
	"unityp2p/signaling"
	"unityp2p/signaling/turn"
)

// front is what stands between the network and the signaling server: listening,
// TLS, and an orderly end.
type front struct {
	settings     *serveSettings
	log          *slog.Logger
	handler      *signaling.Server
	relay        *turn.Server // nil: none
	web          *web         // the handler, and what else there is at its address
	certificates certs.Source // nil: no TLS

	servers  []*http.Server
	watchers []*http.Server // for those who watch, until the very end
	running  sync.WaitGroup // what serves, and what keeps the certificates and memory
}

// run serves until ctx ends or a listener fails, and then drains.
func (f *front) run(ctx context.Context, out io.Writer) error {
	keeping, stop := context.WithCancel(context.Background())
	failed := make(chan error, 4) // one for each endpoint
	defer func() {
		stop()
		f.drain()
	}()
	for _, open := range []func(chan<- error, io.Writer) error{f.open, f.openTLS, f.openWatchers} {
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
	var handler http.Handler = f.web
	says := "signaling: listening on ws://%s/"
	if acme, ok := f.certificates.(*certs.ACME); ok {
		if f.settings.onlyChallenges {
			handler, says = acme.Challenges(nil), "signaling: the authority may ask at http://%s/"
		} else {
			handler = acme.Challenges(f.web)
		}
	}
	h := f.newServer(handler)
	return f.serve(&f.servers, h, f.settings.http, h.Serve, failed, out, says)
}

// openTLS serves at the endpoint with it.
func (f *front) openTLS(failed chan<- error, out io.Writer) error {
	if !f.settings.https.on() {
		return nil
	}
	h := f.newServer(f.web)
	h.TLSConfig = f.certificates.TLS()
	serve := func(l net.Listener) error { return h.ServeTLS(l, "", "") }
	if f.relay != nil {
		serve = func(l net.Listener) error { return f.serveBoth(h, l) }
	}
	return f.serve(&f.servers, h, f.settings.https, serve, failed, out, "signaling: listening on wss://%s/")
}

// serveBoth serves signaling and TURN at one endpoint with TLS.
func (f *front) serveBoth(h *http.Server, l net.Listener) error {
	both := newOneTLS(l, h, f.relay.Serve)
	defer func() { _ = both.Close() }()
	return h.Serve(both)
}

// openWatchers serves metrics and profiles, each where the settings say.
func (f *front) openWatchers(failed chan<- error, out io.Writer) error {
	w := &f.settings.watch
	for _, at := range []struct {
		endpoint
		handler http.Handler
		says    string
	}{
		{w.metrics, f.web.watch(), "signaling: metrics at http://%s/metrics"},
		{w.pprof, profiles(), "signaling: profiles at http://%s/debug/pprof/"},
	} {
		if !at.on() {
			continue
		}
		h := &http.Server{Handler: at.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
		if err := f.serve(&f.watchers, h, at.endpoint, h.Serve, failed, out, at.says); err != nil {
			return err
		}
	}
	return nil
}

// newServer returns an HTTP server for h, which strangers reach.
func (f *front) newServer(h http.Handler) *http.Server {
	server := f.handler.HTTPServer(h)
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true) // WebSockets need no more
	return server
}

// serve lets h serve at an endpoint, notes it, and says so.
func (f *front) serve(servers *[]*http.Server, h *http.Server, e endpoint, serve func(net.Listener) error, failed chan<- error, out io.Writer, says string) error {
	socket, err := net.Listen("tcp", e.address())
	if err != nil {
		return notListening(e, err)
	}
	*servers = append(*servers, h)
	f.log.Info("listening", "address", socket.Addr().String())
	f.running.Go(func() {
		defer socket.Close() // ServeTLS does not, if it ends early
		failed <- serve(socket)
	})
	if at, ok := socket.Addr().(*net.TCPAddr); ok && at.IP.IsUnspecified() {
		says += " (every address of this machine)"
	}
	if _, err := fmt.Fprintf(out, says+"\n", socket.Addr()); err != nil {
		return fmt.Errorf("saying where it listens: %w", err)
	}
	return nil
}

// windowsAddressInUse is WSAEADDRINUSE, which Go does not map to EADDRINUSE.
const windowsAddressInUse = syscall.Errno(10048)

// notListening says why nothing listens at an endpoint, and what to do about what
// is wrong most often.
func notListening(e endpoint, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, windowsAddressInUse) {
		return fmt.Errorf("%s is in use, most likely by another copy of this server: end that one, or set another address (addr, https-addr, turn-addr, …)", e.address())
	}
	return fmt.Errorf("listening on %s: %w", e.address(), err)
}

// requestTime is what a request that has begun may still take when the server
// ends. WebSockets are none: they have all of the drain.
const requestTime = time.Second

// drain ends everything within the time that the settings give: no new sockets,
// the sockets that there are are told, and what does not go is cut off.
func (f *front) drain() {
	end, cancel := context.WithTimeout(context.Background(), f.settings.drain)
	defer cancel()
	f.web.draining.Store(true)
	f.log.Info("draining", "within", f.settings.drain)
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
	for _, h := range f.watchers {
		_ = h.Close()
	}
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
