package core_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"unityp2p/core"
)

// Two hundred rooms, each dropped at a random moment of its life, half of them
// connected, leave no goroutine and no memory behind.
func TestRoomsLeaveNothingBehind(t *testing.T) {
	s := newServer(t)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	idle := runtime.NumGoroutine()
	dropRooms(t, s, r, 20)
	routines := settled(idle)
	before := live()
	met := dropRooms(t, s, r, 200)
	after := settled(routines)
	grown := int64(live()) - int64(before)
	t.Logf("goroutines %d, then %d; memory grew by %d KiB; %d rooms had connections", routines, after, grown>>10, met)
	if met < 100 {
		t.Errorf("only %d rooms had connections", met)
	}
	if after > routines {
		all := make([]byte, 1<<20)
		t.Errorf("%d goroutines more\n%s", after-routines, all[:runtime.Stack(all, true)])
	}
	if grown > 1<<20 {
		t.Errorf("memory grew by %d bytes", grown)
	}
}

// live is how many bytes of the heap are in use. What is in a pool is not: it takes
// two collections to empty.
func live() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
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

// dropRooms returns how many rooms had connections.
func dropRooms(t *testing.T, s *server, r *rand.Rand, count int) int {
	t.Helper()
	const atOnce = 4
	var open sync.WaitGroup
	var met atomic.Int32
	for i := range count {
		cfg := s.config(fmt.Sprintf("room %d %d", i, r.Uint64()))
		d := drop{
			clients: 1 + r.IntN(3), life: time.Duration(r.IntN(80)) * time.Millisecond,
			meet: i%2 == 0, kill: r.IntN(4) == 0,
		}
		open.Go(func() {
			if dropRoom(t, cfg, d) {
				met.Add(1)
			}
		})
		if i%atOnce == atOnce-1 {
			open.Wait()
		}
	}
	open.Wait()
	return int(met.Load())
}

// drop is how a room lives and ends.
type drop struct {
	clients int
	life    time.Duration
	meet    bool // its life begins with the first connection
	kill    bool
}

// dropRoom reports whether the room had connections.
func dropRoom(t *testing.T, cfg core.Config, d drop) (met bool) {
	var rooms []room
	h, err := core.NewHost(cfg)
	if err != nil {
		t.Error(err)
		return false
	}
	rooms = append(rooms, h)
	for range d.clients {
		c, err := core.NewClient(cfg)
		if err != nil {
			t.Error(err)
			break
		}
		rooms = append(rooms, c)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for d.meet && !met && ctx.Err() == nil {
		e, err := h.Next(ctx)
		met = err == nil && e.Type == core.Connected
	}
	ctx, cancel = context.WithTimeout(context.Background(), d.life)
	defer cancel()
	for ctx.Err() == nil {
		for _, r := range rooms {
			r.Broadcast(make([]byte, 1000), true)
		}
		e, err := h.Next(ctx)
		if err != nil {
			break
		}
		met = met || e.Type == core.Connected
	}
	for _, r := range rooms {
		if k, ok := r.(interface{ Kill() }); ok && d.kill {
			k.Kill()
		} else {
			r.Close()
		}
	}
	return met
}
