package signaling

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// upgrade accepts a WebSocket and serves it until it ends. Sockets that are not
// welcome are accepted too and closed at once, since that is how clients of
// this protocol learn why.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		http.Error(w, "Shutting Down", http.StatusServiceUnavailable)
		return
	}
	defer s.running.Done()
	// Judged before the answer: once a client hears 101, its token may expire.
	welcome := s.config.AdminToken == "" || s.tokens.valid(r.URL.Query().Get("userToken"), time.Now())
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
		cut(conn)
		s.leave(conn)
	}()
	if !welcome {
		s.log.Info("socket refused", "reason", "invalid token")
		refuse(conn, websocket.FormatCloseMessage(websocket.ClosePolicyViolation, "Invalid token"))
		return
	}
	a := s.apps[r.URL.Path]
	if a == nil {
		s.log.Info("socket refused", "reason", "unknown path")
		refuse(conn, nil)
		return
	}
	newPeer(s, a, conn).serve()
}
