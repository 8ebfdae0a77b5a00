//go:build unix

package core_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"unityp2p/core"
)

// roleVariable makes the test program act as a member in a process of its own,
// one that can be killed.
const roleVariable = "UNITYP2P_TEST_MEMBER"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := actAsMember(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// actAsMember hosts or joins until the process is killed.
func actAsMember(role string) error {
	cfg := (&server{address: os.Getenv("UNITYP2P_TEST_SERVER")}).config("room")
	var r room
	var err error
	if role == "host" {
		r, err = core.NewHost(cfg)
	} else {
		r, err = core.NewClient(cfg)
	}
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		if _, err := r.Next(context.Background()); err != nil {
			return err
		}
	}
}

// member starts a member as a process and returns what kills it.
func member(t *testing.T, role string, s *server) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role, "UNITYP2P_TEST_SERVER="+s.address)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill = func() {
		if !killed {
			killed = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(kill)
	return kill
}

// impatient notices silence soon.
func impatient(cfg core.Config) core.Config {
	cfg.UnreachableAfter, cfg.DisconnectAfter = time.Second, 3*time.Second
	return cfg
}

func TestAHostThatIsKilled(t *testing.T) {
	s := newServer(t)
	kill := member(t, "host", s)
	a, b := join(t, "a", impatient(s.config("room"))), join(t, "b", impatient(s.config("room")))
	meet2 := func(p *player, n int) {
		t.Helper()
		p.await(fmt.Sprintf("%d others", n), func() bool { return len(p.here) == n })
	}
	meet2(a, 2)
	meet2(b, 2)
	next := host(t, "next", s.config("room"))
	next.awaitEvent("taken", 0, isTrouble(core.RoomTaken))
	kill()
	next.awaitEvent("the name", 0, isType(core.RoomOpen)) // by itself
	for _, p := range []*player{a, b} {
		gone := p.awaitEvent("unreachable", 0, isType(core.Unreachable))
		e := p.awaitEvent("timed out", 0, func(e core.Event) bool {
			return e.Type == core.Disconnected && e.Conn == gone.Conn
		})
		if e.Code != core.TimedOut {
			t.Errorf("%s: the host ended as %v", p.name, e.Code)
		}
	}
	meet(t, next, a, b)
	tell(t, "after the kill ", next, a, b)
}

func TestAMemberThatVanishesIsForgotten(t *testing.T) {
	s := newServer(t)
	h := host(t, "h", impatient(s.config("room")))
	h.awaitEvent("open", 0, isType(core.RoomOpen))
	kill := member(t, "join", s)
	e := h.awaitEvent("the member", 0, isType(core.Connected))
	kill()
	h.awaitEvent("unreachable", 0, func(u core.Event) bool { return u.Type == core.Unreachable && u.Conn == e.Conn })
	h.awaitEvent("its end", 0, func(d core.Event) bool {
		return d.Type == core.Disconnected && d.Conn == e.Conn && d.Code == core.TimedOut
	})
	if left := h.Stats(nil); len(left) != 0 {
		t.Errorf("%d connections are left", len(left))
	}
	// It looked for another path, at the signaling server: nobody waits for that now.
	poll(t, "peace at the signaling server", func() bool { return !h.room.(*core.Host).Urgent() })
}

// A member that stands still for a moment is unreachable, then reachable again,
// and nothing is lost.
func TestAMemberThatPauses(t *testing.T) {
	s := newServer(t)
	cfg := s.config("room")
	cfg.UnreachableAfter, cfg.DisconnectAfter = time.Second, time.Minute
	h := host(t, "h", cfg)
	h.awaitEvent("open", 0, isType(core.RoomOpen))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=join", "UNITYP2P_TEST_SERVER="+s.address)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	h.awaitEvent("the member", 0, isType(core.Connected))
	pause(t, cmd.Process)
	h.awaitEvent("unreachable", 0, isType(core.Unreachable))
	resume(t, cmd.Process)
	h.awaitEvent("reachable", 0, isType(core.Reachable))
}

func TestSuspendAndResume(t *testing.T) {
	s := newServer(t)
	h, a := host(t, "h", s.config("room")), join(t, "a", s.config("room"))
	meet(t, h, a)
	opened := h.seen()
	h.Suspend()
	h.Suspend()
	tell(t, "suspended ", h, a) // what still arrives is taken
	h.Resume()
	h.Resume()
	h.awaitEvent("open again", opened, isType(core.RoomOpen))
	b := join(t, "b", s.config("room"))
	meet(t, h, a, b)
}
