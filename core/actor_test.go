package core_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"unityp2p/core"
)

// actor is a member of a history. It numbers its messages, and remembers what it
// sent and got on each connection.
type actor struct {
	room
	history *history
	name    string
	host    bool
	asleep  bool       // suspended
	events  *sinkQueue // half of the actors take their events by a Sink
	ended   chan struct{}

	mu       sync.Mutex
	gate     *sync.Cond
	paused   bool
	out      chan struct{} // closed when the host removed it
	last     uint32        // number of the last message it sent
	here     map[core.MemberID]core.ConnID
	of       map[core.ConnID]core.MemberID
	sent     map[core.ConnID][]uint32 // reliable
	got      map[core.ConnID][]uint32
	over     map[core.ConnID]bool
	quickGot map[core.ConnID]map[uint32]bool
}

func newActor(h *history, name string, host bool) *actor {
	a := &actor{
		history: h, name: name, host: host,
		ended: make(chan struct{}), out: make(chan struct{}),
		here: make(map[core.MemberID]core.ConnID), of: make(map[core.ConnID]core.MemberID),
		sent: make(map[core.ConnID][]uint32), got: make(map[core.ConnID][]uint32),
		over: make(map[core.ConnID]bool), quickGot: make(map[core.ConnID]map[uint32]bool),
	}
	a.gate = sync.NewCond(&a.mu)
	cfg := h.config()
	if h.r.IntN(2) == 0 {
		a.events = &sinkQueue{actor: a, ready: make(chan struct{}, 1)}
		cfg.Sink = a.events
	}
	if err := a.open(cfg); err != nil {
		h.t.Fatal(err)
	}
	go a.listen()
	return a
}

func (a *actor) open(cfg core.Config) error {
	if !a.host {
		c, err := core.NewClient(cfg)
		a.room = c
		return err
	}
	r, err := core.NewHost(cfg)
	if err == nil && a.history.apart != nil {
		r.KeepApart(a.history.apart)
	}
	a.room = r
	return err
}

// sinkQueue is a game's own queue of events.
type sinkQueue struct {
	actor  *actor
	ready  chan struct{}
	closed atomic.Bool

	mu    sync.Mutex
	items []core.Event
	ended bool
}

func (q *sinkQueue) Deliver(events []core.Event) {
	if q.closed.Load() {
		q.actor.history.t.Errorf("%s: an event after Close", q.actor.name)
	}
	q.mu.Lock()
	for _, e := range events {
		e.Data = bytes.Clone(e.Data)
		q.items = append(q.items, e)
	}
	q.mu.Unlock()
	q.wake()
}

func (q *sinkQueue) Sent(core.ConnID, bool, int) {}

func (q *sinkQueue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// next waits for an event; false after end.
func (q *sinkQueue) next() (core.Event, bool) {
	for {
		q.mu.Lock()
		if len(q.items) > 0 {
			e := q.items[0]
			q.items = q.items[1:]
			q.mu.Unlock()
			return e, true
		}
		ended := q.ended
		q.mu.Unlock()
		if ended {
			return core.Event{}, false
		}
		<-q.ready
	}
}

func (q *sinkQueue) end() {
	q.closed.Store(true)
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.wake()
}

// stop ends the actor, with a goodbye or as if its process had died.
func (a *actor) stop(kill bool) {
	a.play()
	if k, ok := a.room.(interface{ Kill() }); ok && kill {
		k.Kill()
	} else {
		a.Close()
	}
	if a.events != nil {
		a.events.end()
	}
	<-a.ended
}

func (a *actor) pause() {
	a.history.note("%s stops polling", a.name)
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

// sleep suspends the actor until things are to be quiet.
func (a *actor) sleep() {
	if !a.asleep {
		a.history.note("%s suspends", a.name)
		a.asleep = true
		a.Suspend()
	}
}

func (a *actor) wake() {
	if a.asleep {
		a.history.note("%s resumes", a.name)
		a.asleep = false
		a.Resume()
	}
}

func (a *actor) awaitOut() {
	select {
	case <-a.out:
	case <-time.After(patience):
		a.history.t.Errorf("%s does not learn that it was removed", a.name)
	}
}

var sizes = []int{4, 5, 50, 500, 5000, 50000, 500000, 2000000}

// randomSize picks a size. The large ones come now and then: what all send is what
// a history takes its time for.
func randomSize(r *rand.Rand) int {
	n := r.IntN(len(sizes))
	if large := len(sizes) - 2; n >= large && r.IntN(4) > 0 {
		n = r.IntN(large)
	}
	return sizes[n]
}

// sendOne sends a numbered message of a random kind and size to somebody.
func (a *actor) sendOne(r *rand.Rand) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, size, reliable := r.IntN(len(a.here)+1), randomSize(r), r.IntN(3) > 0
	for _, conn := range a.here {
		if n > 0 {
			n--
			continue
		}
		a.last++
		if !reliable {
			_ = a.Send(conn, numbered(a.last, min(size, 200000)), false)
			return
		}
		err := a.Send(conn, numbered(a.last, size), true)
		switch {
		case err == nil:
			a.sent[conn] = append(a.sent[conn], a.last)
		case !errors.Is(err, core.ErrWouldBlock) && !errors.Is(err, core.ErrNotConnected):
			a.history.t.Errorf("%s: %v", a.name, err)
		}
		return
	}
}

// sendAll sends one message to all that it sees.
func (a *actor) sendAll(r *rand.Rand) {
	a.mu.Lock()
	defer a.mu.Unlock()
	conns := make([]core.ConnID, 0, len(a.here))
	for _, conn := range a.here {
		conns = append(conns, conn)
	}
	a.last++
	reliable := r.IntN(2) == 0
	refused := a.SendTo(conns, numbered(a.last, sizes[r.IntN(6)]), reliable)
	for _, conn := range conns {
		if reliable && !slices.Contains(refused, conn) {
			a.sent[conn] = append(a.sent[conn], a.last)
		}
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
		e, ok := a.next()
		if !ok {
			return
		}
		a.mu.Lock()
		a.take(e)
		a.mu.Unlock()
	}
}

func (a *actor) next() (core.Event, bool) {
	if a.events == nil {
		e, err := a.Next(context.Background())
		return e, err == nil
	}
	e, ok := a.events.next()
	if e.Type == core.Message && e.Reliable {
		a.Release(e.Conn, len(e.Data)+core.MessageCost)
	}
	return e, ok
}

func (a *actor) take(e core.Event) {
	wrong := a.history.t.Errorf
	switch e.Type {
	case core.RoomTrouble:
		if e.Code == core.RemovedByHost {
			close(a.out)
		}
	case core.Connected:
		a.history.note("%s: connected to %v as %x", a.name, e.Member, e.Conn)
		a.here[e.Member], a.of[e.Conn] = e.Conn, e.Member
		a.quickGot[e.Conn] = make(map[uint32]bool)
	case core.Disconnected:
		a.history.note("%s: %v (%x) gone: %v", a.name, e.Member, e.Conn, e.Code)
		if a.over[e.Conn] {
			wrong("%s: a connection ended twice", a.name)
		}
		a.over[e.Conn] = true
		if a.here[e.Member] == e.Conn {
			delete(a.here, e.Member)
		}
		if e.Code == core.Protocol {
			wrong("%s: %v is said to have broken the protocol", a.name, e.Member)
		}
	case core.Message:
		a.takeMessage(&e)
	}
}

func (a *actor) takeMessage(e *core.Event) {
	wrong := a.history.t.Errorf
	n, ok := intact(e.Data)
	switch {
	case a.quickGot[e.Conn] == nil:
		wrong("%s: a message before its connection", a.name)
	case a.over[e.Conn]:
		wrong("%s: a message after the end of its connection", a.name)
	case !ok:
		wrong("%s: a damaged message of %d bytes", a.name, len(e.Data))
	case e.Reliable:
		a.got[e.Conn] = append(a.got[e.Conn], n)
	case a.quickGot[e.Conn][n]:
		wrong("%s: unreliable message %d twice", a.name, n)
	default:
		a.quickGot[e.Conn][n] = true
	}
}

func (a *actor) connTo(b *actor) (core.ConnID, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	conn, ok := a.here[b.Member()]
	return conn, ok
}

func (a *actor) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.here)
}

func (a *actor) sentTo(conn core.ConnID) []uint32 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sent[conn]
}

func (a *actor) gotFrom(conn core.ConnID) []uint32 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.got[conn]
}

// sentByFirst lists what was sent on each connection by its first number. Only
// connections that a message to all began have the same.
func (a *actor) sentByFirst() map[uint32][][]uint32 {
	a.mu.Lock()
	defer a.mu.Unlock()
	lists := make(map[uint32][][]uint32)
	for _, list := range a.sent {
		lists[list[0]] = append(lists[list[0]], list)
	}
	return lists
}

// gotOf returns what came on each connection to a member.
func (a *actor) gotOf(m core.MemberID) (lists [][]uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for conn, list := range a.got {
		if a.of[conn] == m {
			lists = append(lists, list)
		}
	}
	return lists
}
