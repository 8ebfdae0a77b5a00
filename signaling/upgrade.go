package signaling

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// upgrade accepts a WebSocket and serves it until it ends. Sockets that are not
// welcome are accepted too and closed at once, since that is how clients of
// this protocol learn why; but not those for which there is no room.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		s.turnAway(w, RefusedClosing)
		return
	}
	defer s.running.Done()
	from := s.gate.source(r)
	if why := s.gate.enter(from); why != "" {
		s.turnAway(w, why)
		return
	}
	defer s.gate.leave(from)
	// Judged before the answer: once a client hears 101, its token may expire.
	a, why := s.judge(r)
	var header http.Header
	if offered := websocket.Subprotocols(r); len(offered) > 0 {
		header = http.Header{"Sec-Websocket-Protocol": {offered[0]}}
	}
	conn, err := s.upgrader.Upgrade(w, r, header)
	if err != nil {
		s.log.Debug("upgrade failed", "error", err)
		return
	}
	s.enter(conn)
	defer func() {
		cut(conn.NetConn())
		s.leave(conn)
	}()
	if why != "" {
		s.refused(why)
		refuse(conn, websocket.FormatCloseMessage(why.closing()))
		return
	}
	s.observer.Connected(a.name)
	defer s.observer.Disconnected(a.name)
	newPeer(s, a, conn).serve()
}

// judge returns the app that a request is for, or why it may not have it.
func (s *Server) judge(r *http.Request) (*app, Refusal) {
	if s.config.AdminToken != "" && !s.tokens.valid(r.URL.Query().Get("userToken"), time.Now()) {
		return nil, RefusedToken
	}
	if !s.allows(r.Header.Get("Origin")) {
		return nil, RefusedOrigin
	}
	a := s.apps[r.URL.Path]
	if a == nil {
		return nil, RefusedPath
	}
	return a, ""
}

// retryAfter is when those may try again for whom there is no room, in seconds.
const retryAfter = "5"

// turnAway answers an upgrade with an HTTP status.
func (s *Server) turnAway(w http.ResponseWriter, why Refusal) {
	s.refused(why)
	w.Header().Set("Retry-After", retryAfter)
	http.Error(w, http.StatusText(why.status()), why.status())
}

// refused notes a refusal.
func (s *Server) refused(why Refusal) {
	s.observer.Refused(why)
	s.log.Info("refused", "reason", string(why))
}
