package sigbench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
)

// patience bounds everything that a client waits for.
const patience = 60 * time.Second

// sources is over how many loopback addresses the clients are spread, so that
// ports do not run out.
const sources = 50

// clients makes the sockets of the load.
type clients struct {
	server string // host:port
	plain  bool
	dialer websocket.Dialer
	made   atomic.Int64
	rooms  atomic.Int64
}

func newClients(p *process, s Server) *clients {
	c := &clients{server: p.address, plain: s.plain}
	c.dialer = websocket.Dialer{
		HandshakeTimeout: patience,
		ReadBufferSize:   1 << 10,
		WriteBufferPool:  &sync.Pool{},
		NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			from := net.IPv4(127, 0, 0, byte(1+c.made.Add(1)%sources))
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}
			conn, err := d.DialContext(ctx, network, address)
			if err != nil {
				return nil, fmt.Errorf("connecting: %w", err)
			}
			return conn, nil
		},
	}
	return c
}

// messageSize is about that of a negotiation message.
const messageSize = 600

// client is one socket.
type client struct {
	conn   *websocket.Conn
	plain  bool
	buffer []byte
	frame  []byte // what it sends: head, then messageSize bytes
	head   int
}

func (c *clients) dial(ctx context.Context) (*client, error) {
	conn, _, err := c.dialer.DialContext(ctx, "ws://"+c.server+"/", nil)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return &client{conn: conn, plain: c.plain}, nil
}

func (c *client) close() { _ = c.conn.Close() }

// pair makes two sockets and links them.
func (c *clients) pair(ctx context.Context) (host, guest *client, err error) {
	if host, err = c.dial(ctx); err != nil {
		return nil, nil, err
	}
	if guest, err = c.dial(ctx); err != nil {
		host.close()
		return nil, nil, err
	}
	room := "room " + strconv.FormatInt(c.rooms.Add(1), 10)
	if c.plain {
		err = linkPlain(host, guest, room)
	} else {
		err = linkOurs(host, guest, room)
	}
	if err != nil {
		host.close()
		guest.close()
		return nil, nil, fmt.Errorf("linking: %w", err)
	}
	return host, guest, nil
}

func linkPlain(host, guest *client, room string) error {
	for _, c := range []*client{host, guest} {
		c.frame = make([]byte, messageSize)
		if err := c.conn.WriteMessage(websocket.BinaryMessage, []byte(room)); err != nil {
			return fmt.Errorf("entering the room: %w", err)
		}
		if _, err := c.receive(); err != nil {
			return err
		}
	}
	_, err := host.receive()
	return err
}

func linkOurs(host, guest *client, room string) error {
	name := []byte(wire.AddressOf(room))
	listen := wire.Frame{Type: wire.ServerInitialized, DataType: wire.Text, ID: -1, Data: name}
	connect := wire.Frame{Type: wire.NewConnection, DataType: wire.Text, ID: 1, Data: name}
	if err := host.ask(listen, wire.ServerInitialized); err != nil {
		return err
	}
	if err := guest.ask(connect, wire.NewConnection); err != nil {
		return err
	}
	return host.hear(wire.NewConnection)
}

// ask sends a frame and waits for the answer.
func (c *client) ask(f wire.Frame, answer wire.FrameType) error {
	if err := c.conn.WriteMessage(websocket.BinaryMessage, f.Append(nil)); err != nil {
		return fmt.Errorf("sending frame %d: %w", f.Type, err)
	}
	return c.hear(answer)
}

// hear waits for a frame, and prepares to send over the link if it is about one.
func (c *client) hear(want wire.FrameType) error {
	data, err := c.receive()
	if err != nil {
		return err
	}
	f, err := wire.ParseFrame(data)
	if err != nil || f.Type != want {
		return fmt.Errorf("got frame %x, want type %d", data, want)
	}
	if want == wire.NewConnection {
		message := wire.Frame{Type: wire.ReliableMessage, DataType: wire.Bytes, ID: f.ID, Data: make([]byte, messageSize)}
		c.frame = message.Append(nil)
		c.head = len(c.frame) - messageSize
	}
	return nil
}

// send sends a message to the partner; it says when.
func (c *client) send() error {
	binary.LittleEndian.PutUint64(c.frame[c.head:], uint64(time.Now().UnixNano()))
	if err := c.conn.WriteMessage(websocket.BinaryMessage, c.frame); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	return nil
}

// get receives a message of the partner and returns how long it was on its way.
func (c *client) get() (time.Duration, error) {
	data, err := c.receive()
	if err != nil {
		return 0, err
	}
	if len(data) != len(c.frame) {
		return 0, fmt.Errorf("got %d bytes of %d", len(data), len(c.frame))
	}
	sent := int64(binary.LittleEndian.Uint64(data[c.head:]))
	return time.Duration(time.Now().UnixNano() - sent), nil
}

func (c *client) receive() ([]byte, error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	_, r, err := c.conn.NextReader()
	if err != nil {
		return nil, fmt.Errorf("receiving: %w", err)
	}
	if c.buffer == nil {
		c.buffer = make([]byte, 2*messageSize)
	}
	n, err := io.ReadFull(r, c.buffer)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("receiving: a message that nobody sent, %w", err)
	}
	return c.buffer[:n], nil
}

// idle answers pings until the socket ends.
func (c *client) idle() error {
	_ = c.conn.SetReadDeadline(time.Time{})
	_, _, err := c.conn.NextReader()
	if err == nil {
		return errors.New("an idle socket was sent something")
	}
	return fmt.Errorf("an idle socket ended: %w", err)
}
