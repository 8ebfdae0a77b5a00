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
	var header http.Header
	if offered := websocket.Subprotocols(r); len(offered) > 0 {
		header = http.Header{"Sec-Websocket-Protocol": {offered[0]}}
	}
	conn, err := s.upgrader.Upgrade(w, r, header)
	if err != nil {
		s.log.Debug("upgrade failed", "error", err)
		return
	}
	defer conn.Close()
	if !s.enter(conn) {
		refuse(conn, websocket.FormatCloseMessage(websocket.CloseGoingAway, ""))
		return
	}
	defer s.leave(conn)
	if s.config.AdminToken != "" && !s.tokens.valid(r.URL.Query().Get("userToken"), time.Now()) {
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
	p := newPeer(s, a, conn)
	p.serve()
}

// refuse closes a socket and waits a moment for the answer, so that the close
// frame is not lost to a reset.
func refuse(conn *websocket.Conn, message []byte) {
	deadline := time.Now().Add(2 * time.Second)
	if conn.WriteControl(websocket.CloseMessage, message, deadline) != nil {
		return
	}
	_ = conn.SetReadDeadline(deadline)
	conn.SetReadLimit(4096)
	for {
		if _, _, err := conn.NextReader(); err != nil {
			return
		}
	}
}
