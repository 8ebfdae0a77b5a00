//go:build linux

package netlab

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"sync"
	"testing"
)

// Lab is an internet of its own. It ends with the test.
type Lab struct {
	t        testing.TB
	seed     uint64
	internet *segment
	servers  *pool // of hosts on the internet
	uplinks  *pool // of routers
	stop     chan struct{}
	wires    sync.WaitGroup

	mu        sync.Mutex
	numbers   int
	spaces    []*namespace
	files     []*os.File
	processes []*Process
}

// New makes an empty lab. Where the machine does not allow one the test is
// skipped with the reason, but fails where every test has to run
// (UNITYP2P_ALL_TESTS). The seed of what is left to chance is UNITYP2P_SEED, or
// is logged if the test fails.
func New(t testing.TB) *Lab {
	t.Helper()
	if err := Possible(); err != nil {
		if os.Getenv("UNITYP2P_ALL_TESTS") != "" {
			t.Fatalf("no networks can be built here: %v", err)
		}
		t.Skipf("no networks can be built here: %v", err)
	}
	l := &Lab{
		t: t, seed: seed(), internet: newSegment(), stop: make(chan struct{}),
		servers: newPool(servers4, "2001:db8::/64"), uplinks: newPool("203.0.113.128/25", "2001:db8:0:1::/64"),
	}
	t.Cleanup(l.close)
	return l
}

func seed() uint64 {
	if given, err := strconv.ParseUint(os.Getenv("UNITYP2P_SEED"), 10, 64); err == nil {
		return given
	}
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	return binary.BigEndian.Uint64(random[:])
}

// Seed returns what everything that is left to chance began with.
func (l *Lab) Seed() uint64 { return l.seed }

// close ends everything: processes first, so that they do not see their networks
// go.
func (l *Lab) close() {
	if l.t.Failed() {
		l.t.Logf("UNITYP2P_SEED=%d", l.seed)
	}
	l.mu.Lock()
	processes, files, spaces := l.processes, l.files, l.spaces
	l.mu.Unlock()
	for _, p := range processes {
		p.Kill()
		if l.t.Failed() {
			p.log()
		}
	}
	close(l.stop)
	for _, f := range files {
		_ = f.Close()
	}
	l.wires.Wait()
	for _, s := range spaces {
		s.close()
	}
}

func (l *Lab) namespace() (*namespace, error) {
	n, err := newNamespace()
	if err == nil {
		l.mu.Lock()
		l.spaces = append(l.spaces, n)
		l.mu.Unlock()
	}
	return n, err
}

func (l *Lab) opened(f *os.File) {
	l.mu.Lock()
	l.files = append(l.files, f)
	l.mu.Unlock()
}

// number returns one that nothing else in the lab has.
func (l *Lab) number() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.numbers++
	return l.numbers
}

// check fails the test for what the lab could not do, from any goroutine.
func (l *Lab) check(err error) {
	if err != nil && !errors.Is(err, errClosed) {
		l.t.Error(err)
	}
}
