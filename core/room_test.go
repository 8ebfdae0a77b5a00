package core_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"unityp2p/core"
	"unityp2p/signaling"
)

const patience = 60 * time.Second

// server is a signaling server that can be stopped and started again on the
// same port.
type server struct {
	t       *testing.T
	address string
	options signaling.Config
	sig     *signaling.Server
	http    *http.Server
}

func newServer(t *testing.T) *server {
	t.Helper()
	return newServerWith(t, signaling.Config{ResumeGrace: time.Second})
}

func newServerWith(t *testing.T, options signaling.Config) *server {
	t.Helper()
	s := &server{t: t, address: "127.0.0.1:0", options: options}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *server) start() {
	s.t.Helper()
	listener, err := net.Listen("tcp", s.address)
	for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); {
		// A client's own end of a connection may hold the port for a moment.
		time.Sleep(10 * time.Millisecond)
		listener, err = net.Listen("tcp", s.address)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = listener.Addr().String()
	if s.sig, err = signaling.New(s.options); err != nil {
		s.t.Fatal(err)
	}
	web := &http.Server{Handler: s.sig, ReadHeaderTimeout: time.Second}
	s.http = web
	go func() { _ = web.Serve(listener) }()
}

func (s *server) stop() {
	_ = s.http.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = s.sig.Shutdown(ctx)
}

func (s *server) config(room string) core.Config {
	return core.Config{
		Signaling: "ws://" + s.address + "/", Room: room,
		Loopback: core.LoopbackOnly, Networks: core.UDP4, ICEServers: []core.ICEServer{},
	}
}

// room is what tests use of Host and Client.
type room interface {
	Next(ctx context.Context) (core.Event, error)
	Member() core.MemberID
	Send(conn core.ConnID, data []byte, reliable bool) error
	SendTo(conns []core.ConnID, data []byte, reliable bool) []core.ConnID
	Release(conn core.ConnID, cost int)
	Broadcast(data []byte, reliable bool) int
	Disconnect(conn core.ConnID) error
	Stats(dst []core.Stats) []core.Stats
	Suspend()
	Resume()
	Close()
}

// player is a member and what it has seen.
type player struct {
	room
	t    *testing.T
	name string
	done chan struct{}

	mu      sync.Mutex
	changed chan struct{}
	events  []core.Event
	here    map[core.MemberID]core.ConnID
	paused  chan struct{} // not nil: events are not taken until it is closed
}

func host(t *testing.T, name string, cfg core.Config) *player {
	t.Helper()
	h, err := core.NewHost(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return newPlayer(t, name, h)
}

func join(t *testing.T, name string, cfg core.Config) *player {
	t.Helper()
	c, err := core.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return newPlayer(t, name, c)
}

func newPlayer(t *testing.T, name string, r room) *player {
	p := &player{
		room: r, t: t, name: name, done: make(chan struct{}),
		changed: make(chan struct{}), here: make(map[core.MemberID]core.ConnID),
	}
	go p.listen()
	t.Cleanup(func() {
		p.resumeTaking()
		r.Close()
		<-p.done
	})
	return p
}

func (p *player) listen() {
	defer close(p.done)
	for {
		p.mu.Lock()
		paused := p.paused
		p.mu.Unlock()
		if paused != nil {
			<-paused
		}
		e, err := p.Next(context.Background())
		if err != nil {
			return
		}
		p.mu.Lock()
		p.events = append(p.events, e)
		switch e.Type {
		case core.Connected:
			p.here[e.Member] = e.Conn
		case core.Disconnected:
			if p.here[e.Member] == e.Conn {
				delete(p.here, e.Member)
			}
		}
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

func (p *player) stopTaking() {
	p.mu.Lock()
	p.paused = make(chan struct{})
	p.mu.Unlock()
}

func (p *player) resumeTaking() {
	p.mu.Lock()
	if p.paused != nil {
		close(p.paused)
		p.paused = nil
	}
	p.mu.Unlock()
}

// await waits until f, called with the player locked, holds.
func (p *player) await(what string, f func() bool) {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		p.mu.Lock()
		ok, changed := f(), p.changed
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			p.mu.Lock()
			defer p.mu.Unlock()
			p.t.Fatalf("%s waited in vain: %s; saw %s", p.name, what, p.summary())
		}
	}
}

func (p *player) summary() string {
	var b strings.Builder
	for i, e := range p.events {
		if i > 40 {
			fmt.Fprintf(&b, " and %d more", len(p.events)-i)
			break
		}
		fmt.Fprintf(&b, " [%d conn %x code %d %s %d B]", e.Type, e.Conn, e.Code, e.Text, len(e.Data))
	}
	return b.String()
}

// awaitEvent waits for an event that f accepts, from event number start on.
func (p *player) awaitEvent(what string, start int, f func(core.Event) bool) (found core.Event) {
	p.t.Helper()
	p.await(what, func() bool {
		for _, e := range p.events[min(start, len(p.events)):] {
			if f(e) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

func (p *player) seen() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.events)
}

func (p *player) conn(of *player) core.ConnID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.here[of.Member()]
}

func isType(t core.EventType) func(core.Event) bool {
	return func(e core.Event) bool { return e.Type == t }
}

func isTrouble(c core.Code) func(core.Event) bool {
	return func(e core.Event) bool { return e.Type == core.RoomTrouble && e.Code == c }
}

// meet waits until all of them are connected with each other.
func meet(t *testing.T, players ...*player) {
	t.Helper()
	for _, p := range players {
		p.await(fmt.Sprintf("%d others", len(players)-1), func() bool {
			for _, other := range players {
				if _, ok := p.here[other.Member()]; other != p && !ok {
					return false
				}
			}
			return true
		})
	}
}

// tell sends text from each to each and waits for all of it.
func tell(t *testing.T, text string, players ...*player) {
	t.Helper()
	for _, p := range players {
		for _, to := range players {
			if to == p {
				continue
			}
			if err := p.Send(p.conn(to), []byte(text+p.name+to.name), true); err != nil {
				t.Fatalf("%s to %s: %v", p.name, to.name, err)
			}
		}
	}
	for _, p := range players {
		for _, from := range players {
			if from == p {
				continue
			}
			want := text + from.name + p.name
			e := p.awaitEvent(want, 0, func(e core.Event) bool { return e.Type == core.Message && string(e.Data) == want })
			if e.Member != from.Member() || !e.Reliable {
				t.Errorf("%s got %q from member %v, reliable %v", p.name, want, e.Member, e.Reliable)
			}
		}
	}
}

func TestRoomsOfSeveralSizes(t *testing.T) {
	for _, size := range []int{2, 3, 8} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s := newServer(t)
			players := []*player{host(t, "h", s.config("room"))}
			for i := 1; i < size; i++ {
				players = append(players, join(t, fmt.Sprint(i), s.config("room")))
			}
			meet(t, players...)
			tell(t, "hello ", players...)
			for _, p := range players {
				stats := p.Stats(nil)
				if len(stats) != size-1 {
					t.Errorf("%s has statistics of %d connections", p.name, len(stats))
				}
				for _, s := range stats {
					if s.Path != core.PathHost && s.Path != core.PathPrflx {
						t.Errorf("%s: path %v", p.name, s.Path)
					}
					if s.LocalCandidate == "" || s.RemoteCandidate == "" || s.Connecting <= 0 || s.MessagesSent == 0 {
						t.Errorf("%s: incomplete statistics %+v", p.name, s)
					}
				}
			}
		})
	}
}

func TestAClientWaitsForItsHost(t *testing.T) {
	s := newServer(t)
	c := join(t, "c", s.config("later"))
	c.awaitEvent("no host", 0, isTrouble(core.NoHost))
	h := host(t, "h", s.config("later"))
	h.awaitEvent("open", 0, isType(core.RoomOpen))
	meet(t, h, c)
	e := c.awaitEvent("connected", 0, isType(core.Connected))
	if !e.Host || e.Original {
		t.Errorf("the client's view of its host: %+v", e)
	}
}

func TestJoiningAndLeavingInAnyOrder(t *testing.T) {
	s := newServer(t)
	h := host(t, "h", s.config("room"))
	players := []*player{h}
	for step := range 12 {
		if len(players) > 1 && rand.IntN(3) == 0 {
			i := 1 + rand.IntN(len(players)-1)
			gone := players[i]
			players = append(players[:i], players[i+1:]...)
			began := time.Now()
			gone.Close()
			for _, p := range players {
				e := p.awaitEvent("leaving", 0, func(e core.Event) bool {
					return e.Type == core.Disconnected && e.Member == gone.Member()
				})
				if e.Code != core.Left {
					t.Errorf("%s saw %s leave as %v", p.name, gone.name, e.Code)
				}
			}
			t.Logf("%s was seen to leave after %v", gone.name, time.Since(began))
			continue
		}
		players = append(players, join(t, fmt.Sprint(step), s.config("room")))
		meet(t, players...)
	}
	meet(t, players...)
	tell(t, "still ", players...)
}

func TestTheRoomWorksOnWithoutItsHost(t *testing.T) {
	s := newServer(t)
	h := host(t, "h", s.config("room"))
	a, b := join(t, "a", s.config("room")), join(t, "b", s.config("room"))
	meet(t, h, a, b)
	h.Close()
	for _, p := range []*player{a, b} {
		p.awaitEvent("the host leaving", 0, func(e core.Event) bool {
			return e.Type == core.Disconnected && e.Member == h.Member() && e.Code == core.Left
		})
	}
	tell(t, "without host ", a, b)

	// A new host takes the name; the clients come to it by themselves, and
	// their connection to each other stays the one it was.
	before := a.conn(b)
	again := host(t, "again", s.config("room"))
	meet(t, again, a, b)
	tell(t, "new host ", again, a, b)
	if a.conn(b) != before {
		t.Error("the clients connected to each other anew")
	}
}

func TestOneOfTwoHostsGetsTheName(t *testing.T) {
	s := newServer(t)
	first := host(t, "first", s.config("room"))
	first.awaitEvent("open", 0, isType(core.RoomOpen))
	second := host(t, "second", s.config("room"))
	e := second.awaitEvent("taken", 0, isTrouble(core.RoomTaken))
	if e.Final || e.Text == "" {
		t.Errorf("the refusal: %+v", e)
	}
	first.Close()
	second.awaitEvent("open", 0, isType(core.RoomOpen))
}

func TestTheSignalingServerRestarts(t *testing.T) {
	s := newServer(t)
	h, a := host(t, "h", s.config("room")), join(t, "a", s.config("room"))
	meet(t, h, a)
	opened := h.seen()
	s.stop()
	h.awaitEvent("lost", 0, isTrouble(core.SignalingLost))
	tell(t, "server down ", h, a)
	s.start()
	h.awaitEvent("open again", opened, isType(core.RoomOpen))
	b := join(t, "b", s.config("room"))
	meet(t, h, a, b)
	tell(t, "server up ", h, a, b)
}

func TestAHostRemovesAMember(t *testing.T) {
	s := newServer(t)
	h := host(t, "h", s.config("room"))
	a, b := join(t, "a", s.config("room")), join(t, "b", s.config("room"))
	meet(t, h, a, b)
	if err := h.Disconnect(h.conn(b)); err != nil {
		t.Fatal(err)
	}
	isEnd := func(of *player, c core.Code) func(core.Event) bool {
		return func(e core.Event) bool {
			return e.Type == core.Disconnected && e.Member == of.Member() && e.Code == c
		}
	}
	h.awaitEvent("removal", 0, isEnd(b, core.Local))
	b.awaitEvent("removal", 0, isEnd(h, core.Removed))
	b.awaitEvent("final trouble", 0, func(e core.Event) bool { return isTrouble(core.RemovedByHost)(e) && e.Final })
	a.awaitEvent("removal", 0, func(e core.Event) bool { return e.Type == core.Disconnected && e.Member == b.Member() })
	tell(t, "after ", h, a)
	if err := h.Send(0x7fff, nil, true); !errors.Is(err, core.ErrNotConnected) {
		t.Errorf("sending to nobody: %v", err)
	}
}

func TestARoomThatIsFull(t *testing.T) {
	s := newServer(t)
	cfg := s.config("room")
	cfg.MaxMembers = 1
	h := host(t, "h", cfg)
	a := join(t, "a", s.config("room"))
	meet(t, h, a)
	b := join(t, "b", s.config("room"))
	b.awaitEvent("full", 0, isTrouble(core.RoomFull))
	a.Close()
	meet(t, h, b) // it tries on
}

func TestLargeMessagesBothWays(t *testing.T) {
	s := newServer(t)
	h, a := host(t, "h", s.config("room")), join(t, "a", s.config("room"))
	meet(t, h, a)
	sizes := []int{0, 1, 1000, 1 << 16, 1 << 18, 16 << 20}
	var sending sync.WaitGroup
	for _, pair := range [][2]*player{{h, a}, {a, h}} {
		sending.Go(func() {
			for _, n := range sizes {
				sendPatiently(t, pair[0], pair[1], payload(n))
			}
		})
	}
	sending.Wait()
	for _, p := range []*player{h, a} {
		var got []core.Event
		p.await("all messages", func() bool {
			got = got[:0]
			for _, e := range p.events {
				if e.Type == core.Message {
					got = append(got, e)
				}
			}
			return len(got) == len(sizes)
		})
		for i, n := range sizes {
			if sha256.Sum256(got[i].Data) != sha256.Sum256(payload(n)) {
				t.Errorf("%s: message %d of %d bytes differs", p.name, i, n)
			}
		}
	}
	if err := h.Send(h.conn(a), make([]byte, 16<<20+1), true); !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("a message over 16 MiB: %v", err)
	}
}

func isLoopback(ip net.IP) bool { return ip.IsLoopback() }

func payload(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}).Read(p)
	return p
}

// sendPatiently waits for room in the send buffer.
func sendPatiently(t *testing.T, from, to *player, data []byte) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := from.Send(from.conn(to), data, true)
		if err == nil {
			return
		}
		if !errors.Is(err, core.ErrWouldBlock) || time.Now().After(deadline) {
			t.Errorf("sending %d bytes: %v", len(data), err)
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// A game that does not take its events loses no reliable message, and the
// others notice nothing but a full send buffer.
func TestAGameThatDoesNotPoll(t *testing.T) {
	s := newServer(t)
	cfg := s.config("room")
	cfg.ReceiveBuffer, cfg.SendBuffer, cfg.UnreliableBuffer = 256<<10, 256<<10, 64<<10
	cfg.UnreachableAfter, cfg.DisconnectAfter = 2*time.Second, 4*time.Second
	h, a := host(t, "h", cfg), join(t, "a", cfg)
	meet(t, h, a)
	a.stopTaking()
	to := h.conn(a)
	message := payload(10000)
	sent := 0
	// Longer than it takes for silence to be noticed: heartbeats go on.
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		switch err := h.Send(to, message, true); {
		case err == nil:
			sent++
		case errors.Is(err, core.ErrWouldBlock):
			time.Sleep(5 * time.Millisecond)
		default:
			t.Fatal(err)
		}
		if err := h.Send(to, message[:100], false); err != nil {
			t.Fatal(err)
		}
	}
	if limit := (256<<10)*2/10032 + 2 + (2<<20)/10032; sent > limit {
		t.Errorf("%d messages were accepted; buffers hold %d", sent, limit)
	}
	for _, e := range h.events {
		if e.Type == core.Unreachable || e.Type == core.Disconnected {
			t.Errorf("the host saw %+v", e)
		}
	}
	a.resumeTaking()
	var got, unreliable int
	a.await("all messages", func() bool {
		got, unreliable = 0, 0
		for _, e := range a.events {
			switch {
			case e.Type == core.Message && e.Reliable:
				got++
				if !bytes.Equal(e.Data, message) {
					t.Error("a message differs")
				}
			case e.Type == core.Message:
				unreliable++
			}
		}
		return got == sent
	})
	t.Logf("%d reliable messages, %d unreliable ones kept", got, unreliable)
}

func TestConfigIsChecked(t *testing.T) {
	good := core.Config{Signaling: "ws://127.0.0.1:1/"}
	for name, change := range map[string]func(*core.Config){
		"no URL":           func(c *core.Config) { c.Signaling = "" },
		"http":             func(c *core.Config) { c.Signaling = "http://x/" },
		"long room":        func(c *core.Config) { c.Room = strings.Repeat("x", 257) },
		"ports reversed":   func(c *core.Config) { c.PortMin, c.PortMax = 2, 1 },
		"small buffer":     func(c *core.Config) { c.SendBuffer = 1 },
		"huge message":     func(c *core.Config) { c.MaxMessage = 1 << 30 },
		"unknown loopback": func(c *core.Config) { c.Loopback = 9 },
		"times reversed":   func(c *core.Config) { c.UnreachableAfter, c.DisconnectAfter = time.Minute, time.Second },
	} {
		cfg := good
		change(&cfg)
		if h, err := core.NewHost(cfg); err == nil {
			h.Close()
			t.Errorf("%s: accepted", name)
		}
	}
}
