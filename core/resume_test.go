package core_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core"
	"unityp2p/core/wire"
	"unityp2p/signaling"
)

// thief tries to take a room's name until stop is called, which returns how
// often it asked and whether it ever got it.
func thief(t *testing.T, s *server, room string) (stop func() (asked int, got bool)) {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+s.address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	asked, got := 0, false
	ended := make(chan struct{})
	quit := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-quit:
				return
			case <-time.After(5 * time.Millisecond):
			}
			_ = ws.WriteMessage(websocket.BinaryMessage, append([]byte{3, 2, 0xff, 0xff}, utf16le(room)...))
			_, p, err := ws.ReadMessage()
			if err != nil {
				return
			}
			asked++
			got = got || p[0] != 4
		}
	}()
	return func() (int, bool) {
		close(quit)
		<-ended
		_ = ws.Close()
		return asked, got
	}
}

// awaitHeld waits until the server, too, knows that a room's host is lost: until
// it says that the name is kept.
func awaitHeld(t *testing.T, s *server, room string) {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+s.address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	_ = ws.WriteMessage(websocket.BinaryMessage, []byte{0xc9, 3})
	_ = ws.SetReadDeadline(time.Now().Add(patience))
	for {
		_ = ws.WriteMessage(websocket.BinaryMessage, append([]byte{3, 2, 0xff, 0xff}, utf16le(room)...))
		_, p, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if p[0] == byte(wire.ExtensionFrame) {
			return
		}
	}
}

// unbroken checks that no connection of those players has ended.
func unbroken(t *testing.T, players ...*player) {
	t.Helper()
	for _, p := range players {
		p.mu.Lock()
		for _, e := range p.events {
			if e.Type == core.Disconnected || e.Type == core.Unreachable {
				t.Errorf("%s: %+v", p.name, e)
			}
		}
		p.mu.Unlock()
	}
}

func TestALostHostHasItsNameAgainAndItsClientsNoticeNothing(t *testing.T) {
	s := newServerWith(t, signaling.Config{ResumeGrace: time.Minute})
	l := newLine(t, s.address)
	cfg := s.config("room")
	cfg.Signaling = "ws://" + l.address() + "/"
	h, a := host(t, "h", cfg), join(t, "a", s.config("room"))
	meet(t, h, a)
	// Somebody is in the middle of connecting.
	o := newOriginal(t, s)
	o.hold = make(chan struct{})
	o.join("room")
	<-o.greeted

	seen := h.seen()
	l.cut()
	h.awaitEvent("the loss", seen, isTrouble(core.SignalingLost))
	awaitHeld(t, s, "room")
	stop := thief(t, s, "room")
	close(o.hold) // its offer comes while there is no host
	b := join(t, "b", s.config("room"))
	tell(t, "meanwhile ", h, a)
	l.mend()
	h.awaitEvent("the name again", seen, isType(core.RoomOpen))
	e := h.awaitEvent("the original", seen, func(e core.Event) bool { return e.Type == core.Connected && e.Original })
	o.awaitOpen()
	o.talk(h, e.Conn)
	meet(t, h, a, b)
	tell(t, "afterwards ", h, a, b)
	if asked, got := stop(); asked == 0 || got {
		t.Errorf("the thief asked %d times, and had the name: %v", asked, got)
	}
	unbroken(t, h, a, b)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if e.Type == core.RoomTrouble {
			t.Errorf("who came meanwhile heard %+v", e)
		}
	}
}

// The host finds its own dead socket in its place, and takes it over at once.
func TestAHostIsNotLockedOutByItsOwnDeadSocket(t *testing.T) {
	s := newServerWith(t, signaling.Config{ResumeGrace: time.Hour, PingInterval: time.Hour})
	l := newLine(t, s.address)
	cfg := s.config("room")
	cfg.Signaling = "ws://" + l.address() + "/"
	h, a := host(t, "h", cfg), join(t, "a", s.config("room"))
	meet(t, h, a)
	for range 3 {
		seen := h.seen()
		l.halve()
		h.awaitEvent("the loss", seen, isTrouble(core.SignalingLost))
		h.awaitEvent("the name again", seen, isType(core.RoomOpen))
	}
	b := join(t, "b", s.config("room"))
	meet(t, h, a, b)
	unbroken(t, h, a)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if e.Type == core.RoomTrouble && e.Code != core.SignalingLost {
			t.Errorf("the host heard %+v", e)
		}
	}
}

// What was on its way when the host's line broke, either way, is lost. Who was
// connecting then does not wait for what will never come: it learns that its link
// is gone as soon as the host is back, and tries anew.
func TestNobodyWaitsForWhatWasLostWithTheLine(t *testing.T) {
	for name, lose := range map[string]func(*line) *atomic.Bool{
		"to the host":   func(l *line) *atomic.Bool { return &l.deaf },
		"from the host": func(l *line) *atomic.Bool { return &l.dumb },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServerWith(t, signaling.Config{ResumeGrace: time.Hour})
			l := newLine(t, s.address)
			patient := func(address string) core.Config {
				cfg := s.config("room")
				cfg.Signaling = "ws://" + address + "/"
				cfg.ConnectTimeout = time.Hour // not what helps here
				return cfg
			}
			h := host(t, "h", patient(l.address()))
			h.awaitEvent("open", 0, isType(core.RoomOpen))
			lose(l).Store(true)
			a := join(t, "a", patient(s.address))
			l.awaitLoss()
			seen := h.seen()
			l.cut()
			h.awaitEvent("the loss", seen, isTrouble(core.SignalingLost))
			l.mend()
			meet(t, h, a)
			a.mu.Lock()
			defer a.mu.Unlock()
			for _, e := range a.events {
				if e.Type == core.RoomTrouble {
					t.Errorf("it heard %+v", e)
				}
			}
		})
	}
}

// An offer that got lost with the client's own line is not waited for: the client makes
// another as soon as it is back.
func TestNobodyWaitsForAnAnswerThatCannotCome(t *testing.T) {
	s := newServer(t)
	mute := dial(t, s)
	offers := make(chan int16, 10)
	named := make(chan struct{})
	go mute.run(func(f wire.Frame) {
		switch f.Type {
		case wire.ServerInitialized:
			close(named)
		case wire.ReliableMessage:
			if n, err := wire.ParseNegotiation(f.Data); err == nil && n.Kind == wire.Offer {
				offers <- f.ID
			}
		}
	})
	mute.send(wire.Frame{Type: wire.ServerInitialized, DataType: wire.Text, ID: -1, Data: []byte(wire.AddressOf("room"))})
	<-named
	l := newLine(t, s.address)
	cfg := s.config("room")
	cfg.Signaling = "ws://" + l.address() + "/"
	cfg.ConnectTimeout = time.Hour // not what helps here
	join(t, "a", cfg)
	<-offers
	l.cut()
	l.mend()
	began := time.Now()
	<-offers
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("the next offer came after %v", took)
	}
}

// The server is replaced by another under a room that lives, more than once: the
// room does not notice, the host has its name again within seconds, and who comes
// then gets in.
func TestARollingRestartUnderALiveRoom(t *testing.T) {
	s := newServer(t)
	h, a, b := host(t, "h", s.config("room")), join(t, "a", s.config("room")), join(t, "b", s.config("room"))
	meet(t, h, a, b)
	players := []*player{h, a, b}
	for round := range 3 {
		seen := h.seen()
		s.stop() // tells everybody to come back, and waits for them
		h.awaitEvent("the end", seen, isTrouble(core.SignalingLost))
		tell(t, fmt.Sprint("without a server ", round), players...)
		s.start()
		began := time.Now()
		h.awaitEvent("the name again", seen, isType(core.RoomOpen))
		took := time.Since(began)
		t.Logf("the host had its name again after %v", took)
		if took > 20*time.Second {
			t.Errorf("the host had its name again after %v", took)
		}
		c := join(t, fmt.Sprint("c", round), s.config("room"))
		players = append(players, c)
		meet(t, players...)
		tell(t, fmt.Sprint("with a new server ", round), players...)
	}
	unbroken(t, players...)
}

// stunServer answers nobody, and tells whether anybody asked.
func stunServer(t *testing.T) (url string, asked func(within time.Duration) bool) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 1500)
		if _, _, err := conn.ReadFrom(buf); err == nil {
			close(heard)
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-ended
	})
	return "stun:" + conn.LocalAddr().String(), func(within time.Duration) bool {
		select {
		case <-heard:
			return true
		case <-time.After(within):
			return false
		}
	}
}

func TestICEServersComeFromTheSignalingServer(t *testing.T) {
	theirs, asked := stunServer(t)
	s := newServerWith(t, signaling.Config{ICEServers: func() []signaling.ICEServer {
		return []signaling.ICEServer{
			{URLs: []string{"http://not.ice", "turn:127.0.0.1:1"}}, // neither can be used
			{URLs: []string{theirs}, Lifetime: time.Hour},
		}
	}})
	cfg := s.config("room")
	cfg.ICEServers = nil
	h, a := host(t, "h", cfg), join(t, "a", s.config("room"))
	meet(t, h, a)
	if !asked(patience) {
		t.Error("nobody asked the server's STUN server")
	}
}

func TestICEServersOfTheGameComeFirst(t *testing.T) {
	theirs, theirsAsked := stunServer(t)
	own, ownAsked := stunServer(t)
	s := newServerWith(t, signaling.Config{ICEServers: func() []signaling.ICEServer {
		return []signaling.ICEServer{{URLs: []string{theirs}}}
	}})
	cfg := s.config("room")
	cfg.ICEServers = []core.ICEServer{{URL: own}}
	h, a := host(t, "h", cfg), join(t, "a", s.config("room"))
	meet(t, h, a)
	if !ownAsked(patience) {
		t.Error("nobody asked the game's STUN server")
	}
	if theirsAsked(time.Second) {
		t.Error("the signaling server's STUN server was asked, against the game's wish")
	}
}

// A server of the original protocol, in as far as a host needs it: it knows no
// version but 2, and nothing of what is beyond it.
func TestAServerOfTheOriginalProtocolDelaysNothing(t *testing.T) {
	frames := make(chan string, 100)
	s := fakeServer(t, func(ws *websocket.Conn, _ *http.Request) {
		for {
			_, p, err := ws.ReadMessage()
			if err != nil {
				return
			}
			frames <- hex.EncodeToString(p)
			switch p[0] {
			case 0xc9:
				_ = ws.WriteMessage(websocket.BinaryMessage, []byte{0xc9, 2})
			case 3:
				_ = ws.WriteMessage(websocket.BinaryMessage, p)
				_ = ws.Close() // and it is gone
				return
			}
		}
	})
	h := host(t, "h", s.config("r"))
	h.awaitEvent("open", 0, isType(core.RoomOpen))
	h.awaitEvent("lost", 0, isTrouble(core.SignalingLost))
	h.awaitEvent("open again", h.seen(), isType(core.RoomOpen))
	for range 2 {
		for _, want := range []string{"c903", "0302ffff010000007200"} {
			if got := <-frames; got != want {
				t.Errorf("it heard %s; want %s", got, want)
			}
		}
	}
}

// fakeServer accepts WebSockets and lets f have them.
func fakeServer(t *testing.T, f func(*websocket.Conn, *http.Request)) *server {
	t.Helper()
	upgrader := websocket.Upgrader{}
	web := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ws, err := upgrader.Upgrade(w, r, nil); err == nil {
			defer ws.Close()
			f(ws, r)
		}
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = web.Serve(listener) }()
	t.Cleanup(func() { _ = web.Shutdown(context.Background()) })
	return &server{t: t, address: listener.Addr().String()}
}

func closing(ws *websocket.Conn, code int, text string) {
	message := websocket.FormatCloseMessage(code, text)
	_ = ws.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second))
	_, _, _ = ws.ReadMessage()
}

// Close codes say whether to come back, and each kind is a trouble of its own.
func TestCloseCodesAreObeyed(t *testing.T) {
	for code, want := range map[int]core.Code{
		4003: core.Limited, 3000: core.Limited, 4499: core.Limited,
		4502: core.SignalingEnded, 3500: core.SignalingEnded, 4999: core.SignalingEnded,
		1001: core.SignalingLost, 1012: core.SignalingLost, 1000: core.SignalingLost,
		1008: core.TokenRefused,
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			came := make(chan struct{}, 100)
			s := fakeServer(t, func(ws *websocket.Conn, _ *http.Request) {
				came <- struct{}{}
				closing(ws, code, "the reason")
			})
			h := host(t, "h", s.config("room"))
			e := h.awaitEvent("trouble", 0, isTrouble(want))
			if final := want == core.SignalingEnded; e.Final != final || e.Text == "" {
				t.Errorf("got %+v", e)
			}
			<-came
			if !e.Final {
				<-came // it comes back
				return
			}
			h.Suspend()
			h.Resume() // the game may try anew
			<-came
			if len(came) > 0 {
				t.Error("it came back though it was not to")
			}
		})
	}
}
