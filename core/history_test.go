package core_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"unityp2p/core"
)

// TestRandomHistories plays a room at random (joins, leaves, kills, sends of all
// kinds, games that stop polling, suspensions, restarts of the signaling server)
// and compares with a model: when things are quiet everyone sees everyone, and
// every reliable message has arrived exactly once and in order.
//
// The seed is fixed unless UNITYP2P_SEED names another; UNITYP2P_HISTORY (a
// duration) plays on and on with new ones.
func TestRandomHistories(t *testing.T) {
	if text := os.Getenv("UNITYP2P_HISTORY"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(d); time.Now().Before(end) && !t.Failed(); {
			seed := rand.Uint64()
			t.Run(fmt.Sprint(seed), func(t *testing.T) { playHistory(t, seed, 500) })
		}
		return
	}
	seed := uint64(1)
	if text := os.Getenv("UNITYP2P_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	playHistory(t, seed, 150)
}

// Histories that failed once.
func TestHistoriesThatFailedOnce(t *testing.T) {
	for _, seed := range []uint64{16967462729544618043, 18413401834803846735} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { playHistory(t, seed, 100) })
	}
}

const (
	historyMembers = 12
	quietEvery     = 25 // steps
)

// actor is a member of a history: what it sent and got on each connection.
type actor struct {
	*history
	room
	name   string
	host   bool
	ended  chan struct{}
	paused bool // does not poll

	mu       sync.Mutex
	gate     *sync.Cond
	here     map[core.MemberID]core.ConnID
	sent     map[core.ConnID]uint32 // reliable
	got      map[core.ConnID]uint32
	over     map[core.ConnID]bool
	quick    map[core.ConnID]uint32 // unreliable: the number of the last one sent
	quickGot map[core.ConnID]map[uint32]bool
}

type history struct {
	t      *testing.T
	r      *rand.Rand
	server *server
	actors []*actor
	count  int
	log    []string
	logged sync.Mutex
}

func (h *history) note(format string, args ...any) {
	h.logged.Lock()
	h.log = append(h.log, fmt.Sprintf(format, args...))
	h.logged.Unlock()
}

func (h *history) wrong(format string, args ...any) {
	h.t.Errorf(format, args...)
}

func playHistory(t *testing.T, seed uint64, steps int) {
	t.Helper()
	h := &history{t: t, r: rand.New(rand.NewPCG(seed, 0)), server: newServer(t)}
	defer func() {
		if t.Failed() {
			t.Logf("UNITYP2P_SEED=%d\n%s", seed, strings.Join(h.log, "\n"))
		}
		for _, a := range h.actors {
			a.play()
			a.Close()
			<-a.ended
		}
	}()
	h.enter(true)
	for step := range steps {
		h.step()
		if step%quietEvery == quietEvery-1 {
			h.quiet()
		}
		if t.Failed() {
			return
		}
	}
}

func (h *history) config() core.Config {
	cfg := h.server.config("history")
	cfg.UnreachableAfter, cfg.DisconnectAfter = 2*time.Second, 6*time.Second
	cfg.SendBuffer, cfg.ReceiveBuffer = 256<<10, 256<<10
	return cfg
}

func (h *history) enter(host bool) {
	h.count++
	a := &actor{
		history: h, name: fmt.Sprintf("m%d", h.count), host: host, ended: make(chan struct{}),
		here: make(map[core.MemberID]core.ConnID), sent: make(map[core.ConnID]uint32),
		got: make(map[core.ConnID]uint32), over: make(map[core.ConnID]bool),
		quick: make(map[core.ConnID]uint32), quickGot: make(map[core.ConnID]map[uint32]bool),
	}
	a.gate = sync.NewCond(&a.mu)
	var err error
	if host {
		a.room, err = core.NewHost(h.config())
	} else {
		a.room, err = core.NewClient(h.config())
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.note("%s enters, host %v, member %v", a.name, host, a.Member())
	h.actors = append(h.actors, a)
	go a.listen()
}

func (h *history) step() {
	a := h.actors[h.r.IntN(len(h.actors))]
	switch n := h.r.IntN(100); {
	case n < 8 && len(h.actors) < historyMembers:
		h.enter(false)
	case n < 11 && len(h.actors) > 2:
		h.leave(a, h.r.IntN(2) == 0)
	case n < 13:
		h.note("signaling restarts")
		h.server.stop()
		h.server.start()
	case n < 17:
		a.pause()
	case n < 24:
		a.play()
	case n < 26:
		h.note("%s suspends and resumes", a.name)
		a.Suspend()
		a.Resume()
	default:
		for range 1 + h.r.IntN(20) {
			a.sendOne(h.r)
		}
	}
}

// leave takes a member away. If it was the host, another takes the name.
func (h *history) leave(a *actor, kill bool) {
	h.note("%s leaves, killed %v", a.name, kill)
	for i, other := range h.actors {
		if other == a {
			h.actors = append(h.actors[:i], h.actors[i+1:]...)
			break
		}
	}
	a.play()
	if k, ok := a.room.(interface{ Kill() }); ok && kill {
		k.Kill()
	} else {
		a.Close()
	}
	<-a.ended
	if a.host {
		h.enter(true)
	}
}

func (a *actor) pause() {
	a.note("%s stops polling", a.name)
	a.mu.Lock()
	a.paused = true
	a.mu.Unlock()
}

func (a *actor) play() {
	a.mu.Lock()
	a.paused = false
	a.mu.Unlock()
	a.gate.Broadcast()
}

// sendOne sends a numbered message of a random kind and size to somebody.
func (a *actor) sendOne(r *rand.Rand) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := r.IntN(len(a.here) + 1)
	for _, conn := range a.here {
		if n > 0 {
			n--
			continue
		}
		size := []int{5, 50, 500, 5000, 50000, 500000}[r.IntN(6)]
		if reliable := r.IntN(3) > 0; reliable {
			if err := a.Send(conn, numbered(a.sent[conn]+1, size), true); err == nil {
				a.sent[conn]++
			} else if !errors.Is(err, core.ErrWouldBlock) && !errors.Is(err, core.ErrNotConnected) {
				a.wrong("%s: %v", a.name, err)
			}
		} else if a.Send(conn, numbered(a.quick[conn]+1, min(size, 200000)), false) == nil {
			a.quick[conn]++
		}
		return
	}
}

// numbered makes a message whose every byte depends on its number and size.
func numbered(n uint32, size int) []byte {
	p := make([]byte, size)
	binary.LittleEndian.PutUint32(p, n)
	for i := 4; i < len(p); i++ {
		p[i] = byte(n) ^ byte(i) ^ byte(size)
	}
	return p
}

func intact(p []byte) (n uint32, ok bool) {
	if len(p) < 4 {
		return 0, false
	}
	n = binary.LittleEndian.Uint32(p)
	for i := 4; i < len(p); i++ {
		if p[i] != byte(n)^byte(i)^byte(len(p)) {
			return n, false
		}
	}
	return n, true
}

func (a *actor) listen() {
	defer close(a.ended)
	for {
		a.mu.Lock()
		for a.paused {
			a.gate.Wait()
		}
		a.mu.Unlock()
		e, err := a.Next(context.Background())
		if err != nil {
			return
		}
		a.mu.Lock()
		a.take(e)
		a.mu.Unlock()
	}
}

func (a *actor) take(e core.Event) {
	switch e.Type {
	case core.Connected:
		a.note("%s: connected to %v as %x", a.name, e.Member, e.Conn)
		a.here[e.Member] = e.Conn
		a.quickGot[e.Conn] = make(map[uint32]bool)
	case core.Disconnected:
		a.note("%s: %v (%x) gone: %v", a.name, e.Member, e.Conn, e.Code)
		a.over[e.Conn] = true
		if a.here[e.Member] == e.Conn {
			delete(a.here, e.Member)
		}
		if e.Code == core.Protocol {
			a.wrong("%s: %v is said to have broken the protocol", a.name, e.Member)
		}
	case core.Message:
		n, ok := intact(e.Data)
		switch {
		case a.quickGot[e.Conn] == nil:
			a.wrong("%s: a message before its connection", a.name)
		case a.over[e.Conn]:
			a.wrong("%s: a message after the end of its connection", a.name)
		case !ok:
			a.wrong("%s: a damaged message of %d bytes", a.name, len(e.Data))
		case e.Reliable && n != a.got[e.Conn]+1:
			a.wrong("%s: reliable message %d after %d", a.name, n, a.got[e.Conn])
		case e.Reliable:
			a.got[e.Conn] = n
		case a.quickGot[e.Conn][n]:
			a.wrong("%s: unreliable message %d twice", a.name, n)
		default:
			a.quickGot[e.Conn][n] = true
		}
	}
}

// quiet lets everything settle and compares all views.
func (h *history) quiet() {
	h.note("quiet")
	for _, a := range h.actors {
		a.play()
	}
	deadline := time.Now().Add(patience)
	for {
		missing := h.missing()
		if missing == "" || h.t.Failed() {
			return
		}
		if time.Now().After(deadline) {
			h.wrong("never quiet: %s", missing)
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// missing says what keeps the views from agreeing, "" if nothing does.
func (h *history) missing() string {
	for _, a := range h.actors {
		for _, b := range h.actors {
			if a == b {
				continue
			}
			a.mu.Lock()
			there, ok := a.here[b.Member()]
			sent := a.sent[there]
			others := len(a.here)
			a.mu.Unlock()
			if !ok {
				return fmt.Sprintf("%s does not see %s", a.name, b.name)
			}
			if others != len(h.actors)-1 {
				return fmt.Sprintf("%s sees %d others", a.name, others)
			}
			b.mu.Lock()
			got := b.got[b.here[a.Member()]]
			b.mu.Unlock()
			if got != sent {
				return fmt.Sprintf("%s sent %d messages to %s, which got %d", a.name, sent, b.name, got)
			}
		}
	}
	return ""
}
