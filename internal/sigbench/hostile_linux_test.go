package sigbench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
)

const mega = 1 << 20

// attack is what somebody does to the server until ctx ends. It calls started
// when it is at its worst.
type attack func(ctx context.Context, c *clients, started func()) error

// Whatever one peer or address does, the server's memory stays bounded and the
// others are served as before, as far as the machine allows: the attackers run on
// it too.
func TestHostilePeers(t *testing.T) {
	exe := program(t)
	for _, c := range []struct {
		name   string
		attack attack
		memory int64 // that it may cost
	}{
		{"handshakes that never end", slowloris, 96 * mega},
		{"messages that never end", halfFrames, 320 * mega}, // Limits.Buffered, and as much garbage
		{"a flood of frames", flood, 64 * mega},
		{"a flood to one that does not read", deaf, 64 * mega},
		{"ten thousand rooms", manyRooms, 32 * mega},
		{"ten thousand links", manyLinks, 48 * mega},
	} {
		t.Run(c.name, func(t *testing.T) { survive(t, Ours(exe), c.attack, c.memory) })
	}
}

func survive(t *testing.T, s Server, a attack, memory int64) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	p, err := start(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	c := newClients(p, s)
	if err := c.warmUp(ctx); err != nil {
		t.Fatal(err)
	}
	before, err := p.resident()
	if err != nil {
		t.Fatal(err)
	}
	calm := c.wait(ctx, t)

	attacking, stop := context.WithCancel(ctx)
	started := make(chan struct{})
	var once sync.Once
	failed := make(chan error, 1)
	go func() { failed <- a(attacking, c, func() { once.Do(func() { close(started) }) }) }()
	select {
	case <-started:
	case err := <-failed:
		t.Fatalf("the attack did not begin: %v", err)
	}
	during := c.wait(ctx, t)
	held, err := p.resident()
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-failed; err != nil {
		t.Error(err)
	}
	t.Logf("another peer waits %v, before %v; memory %+d MB", during, calm, (held-before)/mega)
	if held-before > memory {
		t.Errorf("it costs %d MB, at most %d are allowed", (held-before)/mega, memory/mega)
	}
	if most := 30*calm + 100*time.Millisecond; during > most {
		t.Errorf("another peer waits %v for an answer, %v before; at most %v are allowed", during, calm, most)
	}
}

// wait returns how long others wait for a message, in the middle: a pair that
// comes newly.
func (c *clients) wait(ctx context.Context, t *testing.T) time.Duration {
	t.Helper()
	host, guest, err := c.pair(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer host.close()
	defer guest.close()
	p := pair{host: host, guest: guest}
	if err := p.relay(ctx, 300, 200, 0); err != nil {
		t.Fatal(err)
	}
	slices.Sort(p.times)
	return percentile(p.times, 50)
}

// slowloris opens connections and never finishes a request.
func slowloris(ctx context.Context, c *clients, started func()) error {
	conns := make([]net.Conn, 0, 5000) // more than Limits.Waiting
	defer func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
	}()
	for range cap(conns) {
		conn, err := c.dialer.NetDialContext(ctx, "tcp", c.server)
		if err != nil {
			return err
		}
		conns = append(conns, conn)
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "); err != nil {
			return fmt.Errorf("a slow handshake: %w", err)
		}
	}
	started()
	<-ctx.Done()
	return nil
}

// halfFrames announces messages of a megabyte and stops in their midst.
func halfFrames(ctx context.Context, c *clients, started func()) error {
	head := []byte{0x82, 0xff, 0, 0, 0, 0, 0, 0x0f, 0, 0, 0, 0, 0, 0}
	half := append(head, make([]byte, 400<<10)...)
	for range 600 {
		p, err := c.dial(ctx)
		if err != nil {
			return err
		}
		defer p.close()
		_ = p.conn.SetWriteDeadline(time.Now().Add(patience))
		_, _ = p.conn.NetConn().Write(half) // it may be refused in the midst
	}
	started()
	<-ctx.Done()
	return nil
}

// flood sends frames as fast as it can.
func flood(ctx context.Context, c *clients, started func()) error {
	host, guest, err := c.pair(ctx)
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	defer running.Wait()
	for _, p := range []*client{host, guest} {
		running.Go(func() { _, _ = io.Copy(io.Discard, p.conn.NetConn()) })
		stop := context.AfterFunc(ctx, p.close)
		defer stop()
	}
	var batch []byte
	for range 1000 {
		batch = append(batch, 0x82, 0x80|byte(12), 0, 0, 0, 0)
		batch = append(batch, 2, 1, 1, 0, 4, 0, 0, 0, 1, 2, 3, 4)
	}
	for i := 0; ctx.Err() == nil; i++ {
		if _, err := guest.conn.NetConn().Write(batch); err != nil {
			break
		}
		if i == 100 {
			started()
		}
	}
	if ctx.Err() == nil {
		return errors.New("the flood was over too soon")
	}
	return nil
}

// deaf sends much to one that does not read, again and again.
func deaf(ctx context.Context, c *clients, started func()) error {
	frame := make([]byte, 256<<10)
	copy(frame, []byte{2, 1, 1, 0})
	binary.LittleEndian.PutUint32(frame[4:], uint32(len(frame)-8))
	for i := 0; ctx.Err() == nil; i++ {
		host, guest, err := c.pair(ctx)
		if err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, guest.close)
		_ = guest.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
		for guest.conn.WriteMessage(websocket.BinaryMessage, frame) == nil {
			started()
		}
		stop()
		host.close()
		guest.close()
	}
	return nil
}

// manyRooms listens on one address after the other.
func manyRooms(ctx context.Context, c *clients, started func()) error {
	p, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	for i := 0; ctx.Err() == nil; i++ {
		f := wire.Frame{Type: wire.ServerInitialized, DataType: wire.Text, Data: []byte(wire.AddressOf("room " + strconv.Itoa(i)))}
		if i > 0 {
			if err := p.ask(f, wire.ServerClosed); err != nil {
				return err
			}
			if err := p.hear(wire.ServerInitialized); err != nil {
				return err
			}
		} else if err := p.ask(f, wire.ServerInitialized); err != nil {
			return err
		}
		if i == 10_000 {
			started()
		}
	}
	return nil
}

// manyLinks links itself with itself.
func manyLinks(ctx context.Context, c *clients, started func()) error {
	p, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	name := []byte(wire.AddressOf("mine"))
	if err := p.ask(wire.Frame{Type: wire.ServerInitialized, DataType: wire.Text, Data: name}, wire.ServerInitialized); err != nil {
		return err
	}
	for i := range 10_000 {
		if err := p.ask(wire.Frame{Type: wire.NewConnection, DataType: wire.Text, ID: int16(-i - 1), Data: name}, wire.NewConnection); err != nil {
			return err
		}
		if err := p.hear(wire.NewConnection); err != nil {
			return err
		}
	}
	started()
	<-ctx.Done()
	return nil
}
