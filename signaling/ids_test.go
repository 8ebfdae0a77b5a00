package signaling

import (
	"testing"
	"time"
)

func TestIDsCountUpAndAreThenReused(t *testing.T) {
	var s ids
	s.use(16386) // a connector's own choice
	s.use(-5)    // out of the range: of no interest
	for want := 16384; want <= 32767; want++ {
		if want == 16386 {
			continue
		}
		s.free(16384) // a free one below is not taken while there are new ones
		if id, ok := s.take(); !ok || int(id) != want {
			t.Fatalf("got %d, %v; want %d", id, ok, want)
		}
	}
	s.use(16384)
	if id, ok := s.take(); ok {
		t.Fatalf("got %d although all are used", id)
	}
	for _, id := range []int16{32767, 16386, 20000} {
		s.free(id)
		if got, ok := s.take(); !ok || got != id {
			t.Errorf("got %d, %v; only %d is free", got, ok, id)
		}
	}
	s.free(16385) // in the same word as where the search begins, before it
	s.next = 2
	if got, ok := s.take(); !ok || got != 16385 {
		t.Errorf("got %d, %v; only 16385 is free", got, ok)
	}
}

func TestDefaultsAreTheOriginals(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if s.config.MaxPayload != 1048576 || len(s.apps) != 1 || s.apps["/"] == nil {
		t.Errorf("%+v", s.config)
	}
	// One that died right after it answered is found two pings later.
	if found := 2 * s.config.PingInterval; found > 45*time.Second {
		t.Errorf("the dead are found after %v", found)
	}
}
