package signaling

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/gorilla/websocket"
)

// Those who are sent away come back at once, most of them. They are told one
// after the other, so that whoever takes over is not met by all of them in the
// same moment.
const (
	goodbyesPerSecond = 4000
	goodbyeTick       = 10 * time.Millisecond
	goodbyeTime       = 5 * time.Second // for all of them, at most
	goodbye           = "Service restart"
)

// Shutdown tells every socket that the server goes away and that it may come
// back (1012, "Service restart"), closes it, and returns when all of them and
// their goroutines have ended. Thousands are told over a few seconds, at most
// half of the time that ctx leaves; each then gets a second to answer. When ctx
// ends, the rest are cut off and its error is returned. New sockets get 503 from
// the moment that Shutdown is called. An http.Server's own Shutdown and Close
// know nothing of WebSockets: call one of them first, then this.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	for _, a := range s.apps {
		a.releaseAll()
	}
	s.sayGoodbye(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.running.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	s.cutAll()
	<-ended
	return fmt.Errorf("signaling: shutting down: %w", ctx.Err())
}

// sayGoodbye tells every peer, some in each tick.
func (s *Server) sayGoodbye(ctx context.Context) {
	peers := s.peers()
	left := time.Duration(math.MaxInt64)
	if end, ok := ctx.Deadline(); ok {
		left = time.Until(end)
	}
	each := goodbyesPerTick(len(peers), left)
	ticker := time.NewTicker(goodbyeTick)
	defer ticker.Stop()
	for i, p := range peers {
		p.end(websocket.CloseServiceRestart, goodbye)
		if (i+1)%each != 0 {
			continue
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// goodbyesPerTick returns how many of n peers are told at once, if the shutdown
// has so much time left.
func goodbyesPerTick(n int, left time.Duration) int {
	spread := min(time.Duration(n)*time.Second/goodbyesPerSecond, goodbyeTime, left/2)
	return n/max(1, int(spread/goodbyeTick)) + 1
}

// cutAll ends every socket at once, and those that are still being accepted.
func (s *Server) cutAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cutting = true
	for conn := range s.sockets {
		cut(conn.NetConn())
	}
}

// begin notes that an upgrade begins. It reports false if the server is
// closing; else the caller calls s.running.Done in the end.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.running.Add(1)
	return true
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// enter notes a socket, so that Shutdown can cut it off.
func (s *Server) enter(conn *websocket.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets[conn] = struct{}{}
	if s.cutting {
		cut(conn.NetConn())
	}
}

// leave closes a socket and forgets it.
func (s *Server) leave(conn *websocket.Conn, from netip.Addr) {
	cut(conn.NetConn())
	s.mu.Lock()
	delete(s.sockets, conn)
	s.mu.Unlock()
	s.gate.leave(from)
}
