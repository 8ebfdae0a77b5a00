package chromium

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"unityp2p/core"
)

var sizes = []int{1, 0, 1000, 16384, 65535, 65536, 262144}

// talk sends messages of all sizes both ways on both channels.
func talk(t *testing.T, m *member, conn core.ConnID, p *peer, link int) {
	t.Helper()
	for _, n := range sizes {
		for _, label := range []string{"reliable", "unreliable"} {
			reliable := label == "reliable"
			toBrowser(t, m, conn, p, link, n, label, reliable)
			toUs(t, m, conn, p, link, n, label, reliable)
		}
	}
	var labels []string
	p.eval(fmt.Sprintf("peer.labels(%d)", link), &labels)
	if !slices.Equal(labels, []string{"reliable", "unreliable"}) {
		t.Errorf("the browser has the channels %q", labels)
	}
}

// An unreliable message may be lost, and is sent again until one arrives.
const again = 500 * time.Millisecond

func toBrowser(t *testing.T, m *member, conn core.ConnID, p *peer, link, n int, label string, reliable bool) {
	t.Helper()
	arrived := func(e entry) bool {
		return e.What == "message" && e.ID == link && e.Label == label && e.Size == n
	}
	stop, sending := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(sending)
		for {
			if err := m.Send(conn, pattern(n), reliable); err != nil {
				t.Errorf("sending %d bytes to the browser: %v", n, err)
				return
			}
			select {
			case <-stop:
				return
			case <-time.After(again):
			}
			if reliable {
				return
			}
		}
	}()
	e := p.next("a message of ours", arrived)
	close(stop)
	<-sending
	if !e.Whole {
		t.Errorf("%d bytes on %s arrived damaged", n, label)
	}
}

func toUs(t *testing.T, m *member, conn core.ConnID, p *peer, link, n int, label string, reliable bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for first := true; ; first = false {
		if first || !reliable {
			p.do("peer.send(%d, %q, %d)", link, label, n)
		}
		late := time.After(again)
		for waiting := true; waiting; {
			select {
			case e := <-m.events:
				if e.Type != core.Message || e.Conn != conn || e.Reliable != reliable || len(e.Data) != n {
					continue
				}
				if !bytes.Equal(e.Data, pattern(n)) {
					t.Errorf("%d bytes on %s came damaged", n, label)
				}
				return
			case <-late:
				waiting = false
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes on %s did not come", n, label)
		}
	}
}

// order sends many small messages both ways on the reliable channel.
func order(t *testing.T, m *member, conn core.ConnID, p *peer, link int) {
	t.Helper()
	const count = 500
	p.do("for (let i = 1; i <= %d; i++) peer.send(%d, 'reliable', i)", count, link)
	for i := 1; i <= count; i++ {
		if err := m.Send(conn, pattern(i), true); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i <= count; i++ {
		// A late copy of an unreliable message may be among them.
		ours := func(e core.Event) bool { return e.Type == core.Message && e.Reliable }
		if e := m.next("messages in order", ours); len(e.Data) != i {
			t.Fatalf("message %d came as number %d", len(e.Data), i)
		}
		theirs := func(e entry) bool { return e.What == "message" && e.Label == "reliable" }
		if e := p.next("messages in order", theirs); e.Size != i {
			t.Fatalf("message %d arrived as number %d", e.Size, i)
		}
	}
}

func connected(t *testing.T, m *member) core.Event {
	t.Helper()
	e := m.next("the browser", isType(core.Connected))
	if !e.Original || e.MaxReliable != 262144 {
		t.Errorf("connected as %+v", e)
	}
	return e
}

func ended(conn core.ConnID) func(core.Event) bool {
	return func(e core.Event) bool { return e.Type == core.Disconnected && e.Conn == conn }
}

func TestABrowserAtOurHost(t *testing.T) {
	url := newServer(t)
	h := host(t, url, "room")
	p := newPeer(t, url)
	p.do("peer.join('room')")
	e := connected(t, h)
	p.next("its connection", is("connected"))
	talk(t, h, e.Conn, p, 1)
	order(t, h, e.Conn, p, 1)
	if err := h.Disconnect(e.Conn); err != nil {
		t.Fatal(err)
	}
	if end := h.next("the end", ended(e.Conn)); end.Code != core.Local {
		t.Errorf("it ended as %v", end.Code)
	}
	p.next("the end", is("closed"))
}

func TestABrowserLeavesOurHost(t *testing.T) {
	url := newServer(t)
	h := host(t, url, "room")
	p := newPeer(t, url)
	p.do("peer.join('room')")
	e := connected(t, h)
	p.next("its connection", is("connected"))
	p.do("peer.close(1)")
	if end := h.next("the end", ended(e.Conn)); end.Code != core.Closed {
		t.Errorf("it ended as %v", end.Code)
	}
}

func TestOurClientAtABrowser(t *testing.T) {
	for _, whoEnds := range []string{"we", "the browser"} {
		t.Run(whoEnds+" end it", func(t *testing.T) {
			url := newServer(t)
			p := newPeer(t, url)
			p.do("peer.listen('theirs')")
			p.next("the room", is("listening"))
			c := join(t, url, "theirs")
			e := connected(t, c)
			if !e.Host {
				t.Error("the browser is not known as the host")
			}
			link := p.next("our client", is("connected")).ID
			if whoEnds == "we" {
				talk(t, c, e.Conn, p, link)
				if err := c.Disconnect(e.Conn); err != nil {
					t.Fatal(err)
				}
				p.next("the end", is("closed"))
			} else {
				p.do("peer.close(%d)", link)
			}
			want := map[string]core.Code{"we": core.Local, "the browser": core.Closed}[whoEnds]
			if end := c.next("the end", ended(e.Conn)); end.Code != want {
				t.Errorf("it ended as %v", end.Code)
			}
		})
	}
}

// At a shared address everyone listens, and each pair connects once.
func TestASharedAddress(t *testing.T) {
	url := newServer(t) + "shared"
	h := host(t, url, "plaza")
	a, b := newPeer(t, url), newPeer(t, url)
	a.do("peer.listen('plaza')")
	first := connected(t, h)
	atA := a.next("our host", is("connected")).ID
	b.do("peer.listen('plaza')")
	second := connected(t, h)
	one, two := b.next("one of the others", is("connected")).ID, b.next("the other", is("connected")).ID
	atoB := a.next("the other browser", is("connected")).ID
	talk(t, h, first.Conn, a, atA)
	// The other browser has two links; which is ours shows by a message.
	if err := h.Send(second.Conn, pattern(77), true); err != nil {
		t.Fatal(err)
	}
	atB := b.next("our message", func(e entry) bool { return e.What == "message" && e.Size == 77 }).ID
	talk(t, h, second.Conn, b, atB)
	a.do("peer.send(%d, 'reliable', 88)", atoB)
	toA := one + two - atB
	b.next("the other browser's", func(e entry) bool { return e.What == "message" && e.ID == toA && e.Size == 88 && e.Whole })
	b.do("peer.send(%d, 'unreliable', 99)", toA)
	a.next("the other browser's", func(e entry) bool { return e.What == "message" && e.ID == atoB && e.Size == 99 && e.Whole })
}

// One room with both kinds: ours know each other, a browser knows the host.
func TestARoomOfBothKinds(t *testing.T) {
	url := newServer(t)
	h := host(t, url, "mixed")
	c, d := join(t, url, "mixed"), join(t, url, "mixed")
	conns := make(map[core.MemberID]core.ConnID)
	for range 2 {
		e := h.next("our clients", isType(core.Connected))
		conns[e.Member] = e.Conn
	}
	for _, m := range []*member{c, d} {
		for range 2 {
			m.next("the others", isType(core.Connected))
		}
	}
	a, b := newPeer(t, url), newPeer(t, url)
	a.do("peer.join('mixed')")
	toA := connected(t, h)
	b.do("peer.join('mixed')")
	toB := connected(t, h)
	a.next("its connection", is("connected"))
	b.next("its connection", is("connected"))
	if n := h.Broadcast(pattern(500), true); n != 4 {
		t.Errorf("%d took what the host said to all", n)
	}
	for _, p := range []*peer{a, b} {
		p.next("what the host says", func(e entry) bool { return e.What == "message" && e.Size == 500 && e.Whole })
	}
	if n := c.Broadcast(pattern(600), true); n != 2 {
		t.Errorf("%d took what a client said to all", n)
	}
	for _, m := range []*member{h, d} {
		m.next("what the client says", func(e core.Event) bool { return e.Type == core.Message && len(e.Data) == 600 })
	}
	talk(t, h, toA.Conn, a, 1)
	a.do("peer.close(1)")
	h.next("the end", ended(toA.Conn))
	talk(t, h, toB.Conn, b, 1)
	// Nobody but the host noticed.
	for _, m := range []*member{c, d} {
		if n := m.Broadcast(pattern(700), true); n != 2 {
			t.Errorf("a client has %d others", n)
		}
		for len(m.events) > 0 {
			if e := <-m.events; e.Type != core.Message {
				t.Errorf("a client saw %+v", e)
			}
		}
	}
}
