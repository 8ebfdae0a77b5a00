package signaling

import (
	"fmt"
	"net/http"

	"github.com/gorilla/websocket"
)

// upgrade accepts a WebSocket. A goroutine of its own serves it, since the HTTP
// server's has grown by now and holds on to what the handshake needed. Sockets that are not
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
	// Judged before the answer: once a client hears 101, its token may expire.
	in := s.judge(r)
	conn, source, err := s.accept(w, r)
	if err != nil {
		s.gate.leave(from)
		s.log.Debug("upgrade failed", "error", err)
		return
	}
	s.enter(conn)
	if in.why == "" {
		p := newPeer(s, in.app, conn, source, from)
		p.grant = in.grant
		s.serve(p)
		return
	}
	s.refused(in.why)
	code, text := in.why.closing()
	if in.text != "" {
		text = in.text
	}
	refuse(conn, source.Conn, websocket.FormatCloseMessage(code, text))
	s.leave(conn, from)
}

// accept answers an upgrade.
func (s *Server) accept(w http.ResponseWriter, r *http.Request) (*websocket.Conn, *source, error) {
	var header http.Header
	if offered := websocket.Subprotocols(r); len(offered) > 0 {
		header = http.Header{"Sec-Websocket-Protocol": {offered[0]}}
	}
	g := &grip{ResponseWriter: w, lent: &s.chunks}
	conn, err := s.upgrader.Upgrade(g, r, header)
	if err != nil {
		return nil, nil, fmt.Errorf("upgrading: %w", err)
	}
	return conn, g.source, nil
}

// serve serves a peer until it ends.
func (s *Server) serve(p *peer) {
	s.observer.Connected(p.app.name)
	if s.watch(p) {
		s.running.Go(s.beat)
	}
	if s.isClosing() { // and perhaps did not see this one any more
		p.end(websocket.CloseServiceRestart, goodbye)
	}
	s.running.Add(1)
	go p.serve()
}

// dismiss forgets a peer that has ended.
func (s *Server) dismiss(p *peer) {
	s.unwatch(p)
	s.observer.Disconnected(p.app.name)
	s.leave(p.conn, p.from)
	s.running.Done()
}

// verdict is what comes of an upgrade: an app, or why not.
type verdict struct {
	app   *app
	grant *Grant // nil: everything is allowed there
	why   Refusal
	text  string // what the client is told; "": what the refusal says
}

// judge returns the app that a request is for, or why it may not have it.
func (s *Server) judge(r *http.Request) verdict {
	grant, err := s.admit(r)
	if err != nil {
		return verdict{why: RefusedToken, text: denial(err)}
	}
	if !s.allows(r.Header.Get("Origin")) {
		return verdict{why: RefusedOrigin}
	}
	a := s.apps[r.URL.Path]
	if a == nil {
		return verdict{why: RefusedPath}
	}
	return verdict{app: a, grant: grant}
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
