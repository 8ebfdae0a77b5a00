package core_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"unityp2p/core"
)

// TestRandomHistories plays a room at random (joins, leaves, kills, removals,
// sends of all kinds, games that stop polling, suspensions, restarts of the
// signaling server) and compares with a model: when things are quiet everyone
// sees everyone, and every reliable message has arrived exactly once and in
// order.
//
// The seed is fixed unless UNITYP2P_SEED names another; UNITYP2P_HISTORY (a
// duration) plays on and on with new ones.
func TestRandomHistories(t *testing.T) {
	t.Parallel() // they mostly wait
	if text := os.Getenv("UNITYP2P_HISTORY"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for end := time.Now().Add(d); time.Now().Before(end) && !t.Failed(); count++ {
			seed := rand.Uint64()
			t.Run(fmt.Sprint(seed), func(t *testing.T) { playHistory(t, seed, historySteps) })
		}
		t.Logf("%d histories of %d steps", count, historySteps)
		return
	}
	seed := uint64(1)
	if text := os.Getenv("UNITYP2P_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	playHistory(t, seed, historySteps)
}

// Histories that failed once, by a generator that played fewer kinds of steps.
func TestHistoriesThatFailedOnce(t *testing.T) {
	t.Parallel() // they mostly wait
	for _, seed := range []uint64{16967462729544618043, 18413401834803846735} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { playHistory(t, seed, 100) })
	}
}

const (
	historySteps   = 500
	historyMembers = 12
	quietEvery     = 25 // steps
)

// history is a room and all who ever were in it.
type history struct {
	t       *testing.T
	r       *rand.Rand
	server  *server
	actors  []*actor // in the room
	all     []*actor // ever
	severed map[[2]core.MemberID]bool
	apart   func(a, b core.MemberID) bool // who finds no path to whom; nil: nobody
	via     int                           // ends of connections through the host, at quiet times

	logged sync.Mutex
	log    []string
}

func (h *history) note(format string, args ...any) {
	h.logged.Lock()
	h.log = append(h.log, fmt.Sprintf(format, args...))
	h.logged.Unlock()
}

// A third of the clients of this one find no path to each other.
func TestRandomHistoriesThroughTheHost(t *testing.T) {
	t.Parallel() // they mostly wait
	seed, steps := uint64(1), 150
	if text := os.Getenv("UNITYP2P_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
		steps = historySteps
	}
	if h := playWith(t, seed, steps, func(a, b core.MemberID) bool { return (a^b)%3 == 0 }); h.via == 0 {
		t.Error("nobody talked through the host")
	} else {
		t.Logf("%d ends of connections through the host when things were quiet", h.via)
	}
}

func playHistory(t *testing.T, seed uint64, steps int) {
	t.Helper()
	playWith(t, seed, steps, nil)
}

func playWith(t *testing.T, seed uint64, steps int, apart func(a, b core.MemberID) bool) (h *history) {
	t.Helper()
	h = &history{
		t: t, r: rand.New(rand.NewPCG(seed, 0)), server: newServer(t),
		severed: make(map[[2]core.MemberID]bool), apart: apart,
	}
	defer func() {
		for _, a := range h.actors {
			a.stop(false)
		}
		h.compare()
		if t.Failed() {
			t.Logf("UNITYP2P_SEED=%d\n%s", seed, strings.Join(h.log, "\n"))
		}
	}()
	h.enter(true)
	for step := range steps {
		h.step()
		if step%quietEvery == quietEvery-1 {
			h.quiet()
		}
		if t.Failed() {
			break
		}
	}
	return h
}

func (h *history) config() core.Config {
	cfg := h.server.config("history")
	cfg.UnreachableAfter, cfg.DisconnectAfter = 2*time.Second, 6*time.Second
	cfg.SendBuffer, cfg.ReceiveBuffer = 256<<10, 256<<10
	if h.apart != nil {
		cfg.ConnectTimeout = 4 * time.Second // and half of it until the host is asked
	}
	return cfg
}

func (h *history) enter(host bool) {
	a := newActor(h, fmt.Sprintf("m%d", len(h.all)+1), host)
	h.note("%s enters, host %v, member %v", a.name, host, a.Member())
	h.actors, h.all = append(h.actors, a), append(h.all, a)
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
	case n < 25:
		h.note("%s suspends and resumes", a.name)
		a.Suspend()
		a.Resume()
	case n < 26:
		a.sleep()
	case n < 28 && len(h.actors) > 3:
		h.remove(a)
	case n < 29:
		h.sever(a)
	case n < 34:
		a.sendAll(h.r)
	default:
		for range 1 + h.r.IntN(20) {
			a.sendOne(h.r)
		}
	}
}

func (h *history) drop(a *actor) {
	h.actors = slices.DeleteFunc(h.actors, func(other *actor) bool { return other == a })
}

// leave takes a member away. If it was the host, another takes the name.
func (h *history) leave(a *actor, kill bool) {
	h.note("%s leaves, killed %v", a.name, kill)
	h.drop(a)
	a.stop(kill)
	if a.host {
		h.enter(true)
	}
}

// remove lets the host remove a member, which has to learn of it and must not
// come back.
func (h *history) remove(a *actor) {
	for _, host := range h.actors {
		if conn, here := host.connTo(a); host.host && here && host.Disconnect(conn) == nil {
			h.note("%s removes %s", host.name, a.name)
			h.drop(a)
			a.play()
			a.awaitOut()
			a.stop(false)
			return
		}
	}
}

// sever ends the connection of two clients by one of them. They may meet again
// when the host changes, and need not.
func (h *history) sever(a *actor) {
	b := h.actors[h.r.IntN(len(h.actors))]
	if a.host || b.host || a == b {
		return
	}
	if conn, here := a.connTo(b); here && a.Disconnect(conn) == nil {
		h.note("%s disconnects %s", a.name, b.name)
		h.severed[[2]core.MemberID{a.Member(), b.Member()}] = true
		h.severed[[2]core.MemberID{b.Member(), a.Member()}] = true
	}
}

// quiet lets everything settle and compares all views. It waits as long as
// anything moves: a busy machine takes long for many megabytes.
func (h *history) quiet() {
	h.note("quiet")
	for _, a := range h.actors {
		a.play()
		a.wake()
	}
	moved, bytes := time.Now(), h.received()
	for {
		missing := h.missing()
		if missing == "" || h.t.Failed() {
			break
		}
		if now := h.received(); now != bytes {
			moved, bytes = time.Now(), now
		}
		if time.Since(moved) > patience {
			h.t.Errorf("never quiet: %s", missing)
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	for _, a := range h.actors {
		for _, s := range a.Stats(nil) {
			if s.Path == core.PathViaHost {
				h.via++
			}
		}
	}
	h.compare()
}

// received counts the bytes that came to those who are in the room.
func (h *history) received() (bytes uint64) {
	for _, a := range h.actors {
		for _, s := range a.Stats(nil) {
			bytes += s.BytesReceived
		}
	}
	return bytes
}

// missing says what keeps the views from agreeing, "" if nothing does.
func (h *history) missing() string {
	for _, a := range h.actors {
		strangers := a.count()
		for _, b := range h.actors {
			conn, here := a.connTo(b)
			if here {
				strangers--
			}
			if a == b || h.severed[[2]core.MemberID{a.Member(), b.Member()}] {
				continue
			}
			back, mutual := b.connTo(a)
			if !here || !mutual {
				return fmt.Sprintf("%s and %s do not see each other: %v, %v", a.name, b.name, here, mutual)
			}
			if sent, got := len(a.sentTo(conn)), len(b.gotFrom(back)); sent != got {
				return fmt.Sprintf("%s sent %d messages to %s, which got %d", a.name, sent, b.name, got)
			}
		}
		if strangers > 0 {
			return fmt.Sprintf("%s sees %d who are gone", a.name, strangers)
		}
	}
	return ""
}

// compare checks everything that anybody ever got: what came over a connection
// is what was sent over one, from the first message on, without a gap.
func (h *history) compare() {
	for _, from := range h.all {
		sent := from.sentByFirst()
		for _, to := range h.all {
			for _, got := range to.gotOf(from.Member()) {
				if !slices.ContainsFunc(sent[got[0]], func(was []uint32) bool {
					return len(was) >= len(got) && slices.Equal(was[:len(got)], got)
				}) {
					h.t.Errorf("%s sent %v, %s got %v", from.name, sent[got[0]], to.name, got)
				}
			}
		}
	}
}
