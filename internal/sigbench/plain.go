package sigbench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// PlainServer is what ours is compared with: gorilla/websocket used as its
// documentation shows, with its default buffers, reading in the HTTP handler and
// writing to the other socket under a lock. Two sockets whose first message is
// the same are each other's; both hear "linked", and then what the other says.
// It says its address as "ws://HOST:PORT/" in one line and serves until ctx ends.
func PlainServer(ctx context.Context, out io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("the plain server: %w", err)
	}
	hub := &plainHub{rooms: make(map[string]*plainPeer)}
	server := &http.Server{Handler: hub, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if _, err := fmt.Fprintf(out, "plain: listening on ws://%s/\n", listener.Addr()); err != nil {
		return fmt.Errorf("the plain server: %w", err)
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the plain server: %w", err)
	}
	return nil
}

type plainHub struct {
	upgrader websocket.Upgrader

	mu    sync.Mutex
	rooms map[string]*plainPeer // those who wait for a second
}

type plainPeer struct {
	conn  *websocket.Conn
	write sync.Mutex

	mu    sync.Mutex
	other *plainPeer
}

// ServeHTTP serves one socket.
func (h *plainHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	p := &plainPeer{conn: conn}
	for {
		kind, data, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if other := p.partner(); other != nil {
			err = other.say(kind, data)
		} else {
			err = h.meet(p, string(data))
		}
		if err != nil {
			return
		}
	}
}

// meet links p with the one that waits in a room, or lets it wait there.
func (h *plainHub) meet(p *plainPeer, room string) error {
	h.mu.Lock()
	other := h.rooms[room]
	if other == nil {
		h.rooms[room] = p
	} else {
		delete(h.rooms, room)
	}
	h.mu.Unlock()
	if other == nil {
		return p.say(websocket.BinaryMessage, []byte("waiting"))
	}
	p.link(other)
	other.link(p)
	if err := other.say(websocket.BinaryMessage, []byte("linked")); err != nil {
		return err
	}
	return p.say(websocket.BinaryMessage, []byte("linked"))
}

func (p *plainPeer) link(other *plainPeer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.other = other
}

func (p *plainPeer) partner() *plainPeer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.other
}

func (p *plainPeer) say(kind int, data []byte) error {
	p.write.Lock()
	defer p.write.Unlock()
	if err := p.conn.WriteMessage(kind, data); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}
