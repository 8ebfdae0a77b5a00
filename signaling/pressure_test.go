package signaling_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/signaling"
)

// What one socket does must not close another that behaves.

func TestAPeerThatDoesNotReadIsClosed(t *testing.T) {
	base := start(t, signaling.Config{})
	slow, fast := dial(t, base, "/"), dial(t, base, "/")
	slow.send(listen("room"))
	slow.expect(listen("room"))
	fast.send(connect("0100", "room"))
	slow.expect("06000040")
	fast.expect("06000100")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fast.expect("08000100")
	}()
	frame := make([]byte, 1<<18)
	copy(frame, []byte{2, 1, 1, 0, 0xf8, 0xff, 0x03, 0})
	deadline := time.Now().Add(patience)
	for {
		select {
		case <-ended:
			return
		default:
		}
		if err := fast.conn.WriteMessage(websocket.BinaryMessage, frame); err != nil || time.Now().After(deadline) {
			t.Fatalf("the slow peer was not closed: %v", err)
		}
	}
}

// All the links that a socket can have end at once, and their partner hears of
// each.
func TestTheEndOfAllLinksAtOnce(t *testing.T) {
	url := start(t, signaling.Config{})
	a, b := dial(t, url, "/"), dial(t, url, "/")
	a.send(listen("room"))
	a.expect(listen("room"))
	go func() { // its answers are of no interest
		for {
			if _, _, err := b.conn.ReadMessage(); err != nil {
				return
			}
		}
	}()
	const links = 16384
	frame := []byte{6, 2, 0, 0, 4, 0, 0, 0, 'r', 0, 'o', 0, 'o', 0, 'm', 0}
	for i := range links {
		binary.LittleEndian.PutUint16(frame[2:], uint16(i))
		if err := b.conn.WriteMessage(websocket.BinaryMessage, frame); err != nil {
			t.Fatal(err)
		}
		a.next(6)
	}
	_ = b.conn.Close()
	for range links {
		a.next(8)
	}
	a.silent()
}

// next reads a frame and checks its type only.
func (s *socket) next(kind byte) {
	s.t.Helper()
	_ = s.conn.SetReadDeadline(time.Now().Add(patience))
	_, p, err := s.conn.ReadMessage()
	if err != nil || p[0] != kind {
		s.t.Fatalf("got %x, %v; want a frame of type %d", p, err, kind)
	}
}

// One that sends faster than its partner's network takes is slowed down; the
// partner is not closed, and gets everything.
func TestAFloodDoesNotCloseOneThatReads(t *testing.T) {
	a, b := pair(t)
	const batches, each = 120, 1000 // more than the queue would hold
	frame := []byte{0x82, 0x8c, 0, 0, 0, 0, 2, 1, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0}
	go func() {
		for i := range batches {
			var batch []byte
			for j := range each {
				binary.LittleEndian.PutUint32(frame[len(frame)-4:], uint32(i*each+j))
				batch = append(batch, frame...)
			}
			if _, err := b.conn.NetConn().Write(batch); err != nil {
				return // the reader says what is missing
			}
		}
	}()
	want := []byte{2, 1, 0, 64, 4, 0, 0, 0, 0, 0, 0, 0}
	_ = a.conn.SetReadDeadline(time.Now().Add(patience))
	for i := range batches * each {
		binary.LittleEndian.PutUint32(want[8:], uint32(i))
		if _, p, err := a.conn.ReadMessage(); err != nil || !bytes.Equal(p, want) {
			t.Fatalf("frame %d: %x, %v", i, p, err)
		}
	}
}

// The same for one that asks faster than it takes the answers.
func TestAFloodOfHeartbeatsIsAnswered(t *testing.T) {
	s := dial(t, start(t, signaling.Config{}), "/")
	const n = 140_000 // more than the queue would hold
	go func() {
		_, _ = s.conn.NetConn().Write(bytes.Repeat([]byte{0x82, 0x81, 0, 0, 0, 0, 0xca}, n))
	}()
	for range n {
		s.next(0xca)
	}
}

// The close frame arrives although the client is still sending.
func TestAClientInTheMiddleOfATooLargeMessageHearsWhy(t *testing.T) {
	url := start(t, signaling.Config{})
	for range 10 {
		s := dial(t, url, "/")
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_ = s.conn.WriteMessage(websocket.BinaryMessage, make([]byte, 8<<20))
		}()
		s.closed(websocket.CloseMessageTooBig, "")
		<-sent
	}
}
