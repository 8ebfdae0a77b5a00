package signaling

import (
	"container/list"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds of an HTTP server that strangers reach.
const (
	maxHeader   = 16 << 10
	requestTime = 30 * time.Second // of an admin call; not of WebSockets
	keepAlive   = time.Minute
)

// HTTPServer returns an http.Server for h, or for s itself if h is nil, that has
// the limits which only the HTTP server can enforce: Limits.Handshake and
// Limits.Waiting. h passes on to s what is for it.
func (s *Server) HTTPServer(h http.Handler) *http.Server {
	if h == nil {
		h = s
	}
	w := &waiting{most: s.limits.Waiting, at: make(map[net.Conn]*list.Element), full: func() { s.refused(RefusedWaiting) }}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: s.limits.Handshake, // and of TLS's handshake
		ReadTimeout:       max(requestTime, s.limits.Handshake),
		IdleTimeout:       keepAlive,
		MaxHeaderBytes:    maxHeader,
		ConnState:         w.changed,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// waiting are the connections that are no sockets yet, oldest first.
type waiting struct {
	most int
	full func() // one was closed to make room

	mu    sync.Mutex
	order list.List // of net.Conn
	at    map[net.Conn]*list.Element
}

// changed is http.Server.ConnState. If there are too many, the oldest goes: it
// has had the most time, and one that does nothing is always older than one that
// has just come.
func (w *waiting) changed(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if oldest := w.add(c); oldest != nil {
			cut(oldest)
			w.full()
		}
	case http.StateHijacked, http.StateClosed:
		w.remove(c)
	}
}

// add notes a connection, and returns the one that has to go for it.
func (w *waiting) add(c net.Conn) (oldest net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.order.Len() >= w.most {
		front := w.order.Front()
		oldest, _ = w.order.Remove(front).(net.Conn)
		delete(w.at, oldest)
	}
	w.at[c] = w.order.PushBack(c)
	return oldest
}

func (w *waiting) remove(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e, ok := w.at[c]; ok {
		w.order.Remove(e)
		delete(w.at, c)
	}
}
