package core_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"unityp2p/core"
)

// Two hundred rooms, each dropped at a random moment of its life, leave no
// goroutine and no memory behind.
func TestRoomsLeaveNothingBehind(t *testing.T) {
	s := newServer(t)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	idle := runtime.NumGoroutine()
	dropRooms(t, s, r, 20)
	before, routines := heap(), settled(idle)
	dropRooms(t, s, r, 200)
	after := settled(routines)
	grown := int64(heap()) - int64(before)
	t.Logf("goroutines %d, then %d; memory grew by %d KiB", routines, after, grown>>10)
	if after > routines {
		all := make([]byte, 1<<20)
		t.Errorf("%d goroutines more\n%s", after-routines, all[:runtime.Stack(all, true)])
	}
	if grown > 8<<20 {
		t.Errorf("memory grew by %d bytes", grown)
	}
}

// settled waits until there are no more goroutines than so many, for a while:
// those of the server's sockets end a moment after the rooms.
func settled(want int) int {
	for deadline := time.Now().Add(patience / 4); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if n := runtime.NumGoroutine(); n <= want {
			return n
		}
	}
	return runtime.NumGoroutine()
}

func dropRooms(t *testing.T, s *server, r *rand.Rand, count int) {
	t.Helper()
	const atOnce = 4
	var open sync.WaitGroup
	for i := range count {
		cfg := s.config(fmt.Sprintf("room %d %d", i, r.Uint64()))
		clients, life := 1+r.IntN(3), time.Duration(r.IntN(80))*time.Millisecond
		kill := r.IntN(4) == 0
		open.Go(func() { dropRoom(t, cfg, clients, life, kill) })
		if i%atOnce == atOnce-1 {
			open.Wait()
		}
	}
	open.Wait()
}

func dropRoom(t *testing.T, cfg core.Config, clients int, life time.Duration, kill bool) {
	var rooms []room
	h, err := core.NewHost(cfg)
	if err != nil {
		t.Error(err)
		return
	}
	rooms = append(rooms, h)
	for range clients {
		c, err := core.NewClient(cfg)
		if err != nil {
			t.Error(err)
			break
		}
		rooms = append(rooms, c)
	}
	ctx, cancel := context.WithTimeout(context.Background(), life)
	defer cancel()
	for ctx.Err() == nil {
		for _, r := range rooms {
			r.Broadcast(make([]byte, 1000), true)
		}
		if _, err := h.Next(ctx); err != nil {
			break
		}
	}
	for _, r := range rooms {
		if k, ok := r.(interface{ Kill() }); ok && kill {
			k.Kill()
		} else {
			r.Close()
		}
	}
}
