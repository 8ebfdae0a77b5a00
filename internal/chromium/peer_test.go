package chromium

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"unityp2p/core"
	"unityp2p/signaling"
)

// peer is one page of the browser.
type peer struct {
	t       *testing.T
	browser *browser
	session string
	seen    int // entries of its log that were looked at
}

// entry is one line of a page's log.
type entry struct {
	What, Label, State string
	ID, Size           int
	Whole              bool
}

func newPeer(t *testing.T, url string) *peer {
	t.Helper()
	b := get(t)
	p := &peer{t: t, browser: b}
	var target struct{ TargetID string }
	var session struct{ SessionID string }
	p.must(b.call("", "Target.createTarget", map[string]any{"url": b.page.URL, "newWindow": true}, &target))
	t.Cleanup(func() {
		var closed struct{}
		_ = b.call("", "Target.closeTarget", map[string]any{"targetId": target.TargetID}, &closed)
	})
	p.must(b.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session))
	p.session = session.SessionID
	p.await("the page", "typeof peer !== 'undefined'")
	p.do("peer.open(%q)", url)
	return p
}

func (p *peer) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// eval runs an expression, waits for its promise, and reads its value.
func (p *peer) eval(expression string, value any) {
	p.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	p.must(p.browser.call(p.session, "Runtime.evaluate", map[string]any{
		"expression": expression, "awaitPromise": true, "returnByValue": true,
	}, &r))
	if r.ExceptionDetails != nil {
		p.t.Fatalf("%s: %s", expression, r.ExceptionDetails.Exception.Description)
	}
	if value != nil && len(r.Result.Value) > 0 {
		p.must(json.Unmarshal(r.Result.Value, value))
	}
}

func (p *peer) do(format string, args ...any) {
	p.t.Helper()
	p.eval(fmt.Sprintf(format, args...), nil)
}

func (p *peer) await(what, expression string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		var ok bool
		if p.eval(expression, &ok); ok {
			return
		}
		if time.Now().After(deadline) {
			var log json.RawMessage
			p.eval("peer.log", &log)
			p.t.Fatalf("the browser waited in vain for %s: %s", what, log)
		}
	}
}

// next waits for an entry of the log that f accepts, after the last one.
func (p *peer) next(what string, f func(entry) bool) entry {
	p.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		var log []entry
		p.eval(fmt.Sprintf("peer.log.slice(%d)", p.seen), &log)
		for _, e := range log {
			p.seen++
			if f(e) {
				return e
			}
		}
		if time.Now().After(deadline) {
			var all json.RawMessage
			p.eval("peer.log", &all)
			p.t.Fatalf("the browser waited in vain for %s: %s", what, all)
		}
	}
}

func is(what string) func(entry) bool { return func(e entry) bool { return e.What == what } }

// member is one of ours.
type member struct {
	t *testing.T
	game
	events chan core.Event
}

type game interface {
	Next(ctx context.Context) (core.Event, error)
	Member() core.MemberID
	Send(conn core.ConnID, data []byte, reliable bool) error
	Broadcast(data []byte, reliable bool) int
	Disconnect(conn core.ConnID) error
	Close()
}

// newMember follows a room. It is bounded by what a test makes happen.
func newMember(t *testing.T, g game) *member {
	m := &member{t: t, game: g, events: make(chan core.Event, 4096)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			e, err := g.Next(context.Background())
			if err != nil {
				return
			}
			m.events <- e
		}
	}()
	t.Cleanup(func() {
		g.Close()
		<-done
	})
	return m
}

func (m *member) next(what string, f func(core.Event) bool) core.Event {
	m.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case e := <-m.events:
			if f(e) {
				return e
			}
		case <-deadline:
			m.t.Fatalf("our member waited in vain for %s", what)
		}
	}
}

func isType(types ...core.EventType) func(core.Event) bool {
	return func(e core.Event) bool {
		for _, t := range types {
			if e.Type == t {
				return true
			}
		}
		return false
	}
}

// newServer runs a signaling server; "/shared" shares addresses.
func newServer(t *testing.T) (url string) {
	t.Helper()
	s, err := signaling.New(signaling.Config{Apps: []signaling.App{
		{Name: "plain", Path: "/"}, {Name: "shared", Path: "/shared", AddressSharing: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
		web.Close()
	})
	return "ws" + web.URL[len("http"):] + "/"
}

func config(url, room string) core.Config {
	return core.Config{
		Signaling: url, Room: room, Loopback: core.LoopbackOnly, Networks: core.UDP4, ICEServers: []core.ICEServer{},
	}
}

func host(t *testing.T, url, room string) *member {
	t.Helper()
	h, err := core.NewHost(config(url, room))
	if err != nil {
		t.Fatal(err)
	}
	m := newMember(t, h)
	m.next("the room", isType(core.RoomOpen))
	return m
}

func join(t *testing.T, url, room string) *member {
	t.Helper()
	c, err := core.NewClient(config(url, room))
	if err != nil {
		t.Fatal(err)
	}
	return newMember(t, c)
}

// pattern is the page's: every byte follows from the length.
func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*31 + i>>9 + n)
	}
	return p
}
