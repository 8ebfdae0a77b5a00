package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"unityp2p/core"
	"unityp2p/signaling"
)

// signalingServer is the embedded signaling server behind a handle.
type signalingServer struct {
	server *signaling.Server
	http   *http.Server
	served chan struct{}
}

// idle stands behind a handle whose server could not start.
type idle struct{}

func (idle) Close() {}

// startSignaling listens and says what came of it as an event.
func startSignaling(address string, s *sink, log *slog.Logger) engine {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		s.listenFailed(address, err)
		return idle{}
	}
	server, err := signaling.New(signaling.Config{Logger: log})
	if err != nil {
		_ = listener.Close()
		s.listenFailed(address, err)
		return idle{}
	}
	e := &signalingServer{
		server: server,
		http: &http.Server{
			Handler: server, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
		served: make(chan struct{}),
	}
	go func() {
		defer close(e.served)
		_ = e.http.Serve(listener)
	}()
	number := 0
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok {
		number = tcp.Port
	}
	s.listening(number)
	return e
}

// shutdownTime bounds the end of the server: sockets get a moment to hear of it.
const shutdownTime = time.Second

// Close implements engine.
func (e *signalingServer) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	_ = e.http.Close()
	_ = e.server.Shutdown(ctx)
	<-e.served
}

// windowsAddressInUse is WSAEADDRINUSE, which Go does not map to EADDRINUSE.
const windowsAddressInUse = syscall.Errno(10048)

func (s *sink) listenFailed(address string, err error) {
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, windowsAddressInUse) {
		s.finalTrouble(core.AddressInUse, fmt.Sprintf("%s is in use, most likely by another copy of the game: connect to the signaling server there", address))
		return
	}
	s.finalTrouble(core.ListenFailed, fmt.Sprintf("cannot listen on %s: %v", address, err))
}
