package signaling

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/gorilla/websocket"
)

// lingerTime is how long a socket that we close may take to hear of it.
const lingerTime = time.Second

// longAgo, as a deadline, ends a read or write that is going on.
var longAgo = time.Unix(1, 0)

// refuse closes a socket before anything was read from it. What it sends
// meanwhile is not looked at.
func refuse(conn *websocket.Conn, c net.Conn, message []byte) {
	if conn.WriteControl(websocket.CloseMessage, message, time.Now().Add(lingerTime)) == nil {
		linger(c)
	}
}

// linger waits until the other side has closed too, for a moment: if we closed
// while data is still coming in, the reset that answers it could overtake our
// close frame.
func linger(c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(lingerTime))
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, c)
}

// cut closes a socket at once. A TLS connection's own Close may wait for the
// other side to take the goodbye.
func cut(c net.Conn) {
	for {
		outer, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			_ = c.Close()
			return
		}
		c = outer.NetConn()
	}
}

// answered tells whether a failed read was answered with a close frame: what
// breaks the protocol or a limit is, by the WebSocket library, and so is a close
// frame; a connection that broke is not.
func answered(err error) bool {
	var broken net.Error
	return !errors.As(err, &broken) && !errors.Is(err, io.EOF) &&
		!websocket.IsCloseError(err, websocket.CloseAbnormalClosure)
}
