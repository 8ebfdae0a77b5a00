package signaling

import (
	"net/http"

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
	in := s.judge(r)
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
	if in.why != "" {
		s.refused(in.why)
		code, text := in.why.closing()
		if in.text != "" {
			text = in.text
		}
		refuse(conn, websocket.FormatCloseMessage(code, text))
		return
	}
	s.observer.Connected(in.app.name)
	defer s.observer.Disconnected(in.app.name)
	p := newPeer(s, in.app, conn)
	p.grant = in.grant
	p.serve()
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
