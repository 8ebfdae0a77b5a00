package signaling_test

import (
	"runtime"
	"testing"
	"time"

	"unityp2p/signaling"
)

// An idle peer is one goroutine, whatever it has done before.
func TestAnIdlePeerIsOneGoroutine(t *testing.T) {
	url := start(t, signaling.Config{})
	before := runtime.NumGoroutine()
	const pairs = 100
	var all []*socket
	for range pairs {
		a, b := dial(t, url, "/"), dial(t, url, "/")
		a.send(listen("room"), "0500ffff")
		a.expect(listen("room"), "0500ffff")
		b.silent()
		all = append(all, a, b)
	}
	const others = 10 // the one that pings, and the HTTP server's
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before+len(all)+others; {
		if time.Now().After(deadline) {
			t.Fatalf("%d peers are %d goroutines", len(all), runtime.NumGoroutine()-before)
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, s := range all { // and they are still there
		s.silent()
	}
}
