package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"unityp2p/core"
	"unityp2p/signaling"
)

// signalingServer is the embedded signaling server behind a handle.
type signalingServer struct {
	server *signaling.Server
	http   *http.Server
	sink   *sink
	log    *slog.Logger
	closed context.Context
	close  context.CancelFunc
	served chan struct{}

	mu       sync.Mutex
	listener net.Listener
	asked    bool // its end is Resume's doing
}

// idle stands behind a handle whose server could not start.
type idle struct{}

func (idle) Close() {}

// startSignaling listens and says what came of it as an event.
func startSignaling(address string, s *sink, log *slog.Logger) engine {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		s.listenFailed(address, err, true)
		return idle{}
	}
	server, err := signaling.New(signaling.Config{Logger: log})
	if err != nil {
		_ = listener.Close()
		s.listenFailed(address, err, true)
		return idle{}
	}
	e := &signalingServer{
		server: server, http: server.HTTPServer(nil),
		sink: s, log: log, served: make(chan struct{}), listener: listener,
	}
	e.closed, e.close = context.WithCancel(context.Background())
	s.listening(portOf(listener))
	go e.serve(listener)
	return e
}

func portOf(l net.Listener) int {
	tcp, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0
	}
	return tcp.Port
}

// serve takes connections until Close. A phone may take the socket away from an
// app in the background: then it listens anew, on the same port.
func (e *signalingServer) serve(listener net.Listener) {
	defer close(e.served)
	for listener != nil {
		err := e.http.Serve(listener)
		listener = e.listenAgain(listener.Addr().String(), err)
	}
}

// listenEvery is how long it waits before it tries again to listen.
const listenEvery = 500 * time.Millisecond

// listenAgain tries until it listens, and returns nil when the server is closed.
// The game hears of it, unless Resume asked for it and all goes well.
func (e *signalingServer) listenAgain(address string, why error) net.Listener {
	e.mu.Lock()
	told := !e.asked
	e.asked = false
	e.mu.Unlock()
	if told && e.closed.Err() == nil {
		e.sink.listenFailed(address, why, false)
	}
	for e.closed.Err() == nil {
		listener, err := net.Listen("tcp", address)
		if err == nil {
			e.mu.Lock()
			e.listener, e.asked = listener, false
			e.mu.Unlock()
			if told {
				e.sink.listening(portOf(listener))
			}
			return listener
		}
		if !told {
			told = true
			e.sink.listenFailed(address, err, false)
		}
		select {
		case <-time.After(listenEvery):
		case <-e.closed.Done():
		}
	}
	return nil
}

// Suspend implements suspender: who is connected stays so, as far as the system
// lets them.
func (e *signalingServer) Suspend() {}

// Resume implements suspender. It listens anew and doubts every connection: a
// system that took the sockets away may not have said so.
func (e *signalingServer) Resume() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = true
	_ = e.listener.Close()
	e.server.Check()
}

// shutdownTime bounds the end of the server: sockets get a moment to hear of it.
const shutdownTime = time.Second

// Close implements engine.
func (e *signalingServer) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	e.close()
	_ = e.http.Close()
	_ = e.server.Shutdown(ctx)
	<-e.served
}

// windowsAddressInUse is WSAEADDRINUSE, which Go does not map to EADDRINUSE.
const windowsAddressInUse = syscall.Errno(10048)

// listenFailed says why nobody can connect. If that is not final, it is tried
// again.
func (s *sink) listenFailed(address string, err error, final bool) {
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, windowsAddressInUse) {
		s.trouble(core.AddressInUse, fmt.Sprintf("%s is in use, most likely by another copy of the game: connect to the signaling server there", address), final)
		return
	}
	s.trouble(core.ListenFailed, fmt.Sprintf("cannot listen on %s: %v", address, err), final)
}
