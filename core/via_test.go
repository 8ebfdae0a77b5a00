package core_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"unityp2p/core"
)

// everybody lets no two clients find a path to each other.
func everybody(_, _ core.MemberID) bool { return true }

// apart makes a room whose clients reach only the host.
func apart(t *testing.T, clients int, change func(*core.Config)) (h *player, all []*player) {
	t.Helper()
	s := newServer(t)
	cfg := s.config("apart")
	cfg.ConnectTimeout = 2 * time.Second
	if change != nil {
		change(&cfg)
	}
	r, err := core.NewHost(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.KeepApart(everybody)
	h = newPlayer(t, "h", r)
	all = []*player{h}
	for i := range clients {
		all = append(all, join(t, fmt.Sprint(i), cfg))
	}
	return h, all
}

func pathsOf(p *player) map[core.MemberID]core.Path {
	paths := make(map[core.MemberID]core.Path)
	for _, s := range p.Stats(nil) {
		paths[s.Member] = s.Path
	}
	return paths
}

// Clients that reach the host and not each other see each other as if they did.
func TestClientsTalkThroughTheHost(t *testing.T) {
	h, all := apart(t, 3, nil)
	meet(t, all...)
	tell(t, "hello ", all...)
	for _, p := range all {
		for member, path := range pathsOf(p) {
			direct := p == h || member == h.Member()
			if direct == (path == core.PathViaHost) {
				t.Errorf("%s reaches %v by %v", p.name, member, path)
			}
		}
		for _, e := range p.events {
			if e.Type == core.RoomTrouble && e.Code == core.ConnectFailed {
				t.Errorf("%s had trouble: %s", p.name, e.Text)
			}
		}
	}
	a, b := all[1], all[2]
	for _, n := range []int{0, 1, 1100, 16384, 16385, 262144, 16 << 20} {
		data := bytes.Repeat([]byte{byte(n), 7}, n/2+1)[:n]
		start := b.seen()
		if err := a.Send(a.conn(b), data, true); err != nil {
			t.Fatal(err)
		}
		got := b.awaitEvent(fmt.Sprintf("%d bytes", n), start, isType(core.Message))
		if !got.Reliable || got.Member != a.Member() || !bytes.Equal(got.Data, data) {
			t.Errorf("%d bytes: got %d from %v", n, len(got.Data), got.Member)
		}
	}
	conn := b.conn(a)
	if err := a.Disconnect(a.conn(b)); err != nil {
		t.Fatal(err)
	}
	ended := b.awaitEvent("the end", 0, isType(core.Disconnected))
	if ended.Conn != conn || ended.Code != core.Removed {
		t.Errorf("it ended as %+v", ended)
	}
}
