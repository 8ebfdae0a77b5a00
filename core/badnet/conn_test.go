package badnet

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

const patience = 20 * time.Second

type plainSocket struct{ *net.UDPConn }

func (s plainSocket) ReadFromAddrPort(p []byte) (int, netip.AddrPort, error) {
	return s.ReadFromUDPAddrPort(p)
}

func (s plainSocket) WriteToAddrPort(p []byte, to netip.AddrPort) (int, error) {
	return s.WriteToUDPAddrPort(p, to)
}

// socket opens one on loopback behind a network of its own.
func socket(t *testing.T) (*Conn, *Network) {
	t.Helper()
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	n := &Network{}
	c := n.Wrap(plainSocket{udp})
	t.Cleanup(func() { _ = c.Close() })
	return c, n
}

func address(c *Conn) netip.AddrPort { return netip.MustParseAddrPort(c.LocalAddr().String()) }

func set(t *testing.T, n *Network, c Conditions) {
	t.Helper()
	if err := n.Set(c); err != nil {
		t.Fatal(err)
	}
}

// Each of the two directions does what a lane decides, whatever the time.
func TestBothDirections(t *testing.T) {
	const count = 200
	p := Path{Loss: 20, Duplication: 10, Latency: 20 * time.Millisecond, Jitter: 5 * time.Millisecond}
	for direction := range uint64(2) {
		from, sends := socket(t)
		to, receives := socket(t)
		c := Conditions{Send: p, Seed: 9}
		if direction == 0 {
			set(t, sends, c)
		} else {
			c = Conditions{Receive: p, Seed: 9}
			set(t, receives, c)
		}
		var model lane
		model.set(&c, p, 2*to.number+direction)
		for i := range count {
			model.take(start, []byte{byte(i)}, somewhere)
			if _, err := from.WriteToAddrPort([]byte{byte(i)}, address(to)); err != nil {
				t.Fatal(err)
			}
		}
		if err := to.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 100)
		for _, ok := model.next(); ok; _, ok = model.next() {
			want := model.pop().data
			n, _, err := to.ReadFromAddrPort(got)
			if err != nil || !bytes.Equal(got[:n], want) {
				t.Fatalf("direction %d: %v in place of %v, %v", direction, got[:n], want, err)
			}
		}
		from.sender.Wait()
		if to.late.Load() {
			t.Errorf("direction %d: more came", direction)
		}
	}
}

// Nothing arrives before its time.
func TestLatencyOfASocket(t *testing.T) {
	const latency = 30 * time.Millisecond
	from, sends := socket(t)
	to, receives := socket(t)
	set(t, sends, Conditions{Send: Path{Latency: latency}})
	set(t, receives, Conditions{Receive: Path{Latency: latency}})
	p := make([]byte, 10)
	for range 3 {
		began := time.Now()
		if _, err := from.WriteTo([]byte("x"), to.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		n, sender, err := to.ReadFrom(p)
		if err != nil || n != 1 || sender.String() != from.LocalAddr().String() {
			t.Fatalf("%d bytes from %v: %v", n, sender, err)
		}
		if took := time.Since(began); took < 2*latency {
			t.Errorf("arrived after %v", took)
		}
	}
}

// A reader's own deadline holds, before and while datagrams wait.
func TestTheReadersDeadline(t *testing.T) {
	from, _ := socket(t)
	to, receives := socket(t)
	p := make([]byte, 10)
	set(t, receives, Conditions{Receive: Path{Latency: MostDelay}})
	for range 2 {
		if err := to.SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := to.ReadFromAddrPort(p); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("read: %v", err)
		}
		if _, err := from.WriteToAddrPort([]byte("x"), address(to)); err != nil {
			t.Fatal(err)
		}
	}
	// Pion ends a reader with a deadline that has passed.
	if err := to.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, _, err := to.ReadFromAddrPort(p)
		ended <- err
	}()
	if err := to.SetDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the reader did not end")
	}
}

// Close sends what waits, waits for the sender, and ends the reader.
func TestClose(t *testing.T) {
	from, sends := socket(t)
	to, _ := socket(t)
	set(t, sends, Conditions{Send: Path{Latency: MostDelay}})
	for _, word := range []string{"good", "bye"} {
		if _, err := from.WriteToAddrPort([]byte(word), address(to)); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan error)
	go func() {
		_, _, err := from.ReadFromAddrPort(make([]byte, 10))
		ended <- err
	}()
	if err := from.SetDeadline(time.Now()); err != nil { // as pion does
		t.Fatal(err)
	}
	if err := from.Close(); err != nil {
		t.Fatal(err)
	}
	<-ended
	if from.runs {
		t.Error("the sender runs on")
	}
	if err := to.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 10)
	for _, word := range []string{"good", "bye"} {
		n, _, err := to.ReadFromAddrPort(p)
		if err != nil || string(p[:n]) != word {
			t.Fatalf("%q: %v", p[:n], err)
		}
	}
	if _, err := from.WriteToAddrPort([]byte("x"), address(to)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after Close: %v", err)
	}
	if err := from.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Close again: %v", err)
	}
}

// A good network costs no memory and no goroutine.
func TestAGoodNetworkCostsNothing(t *testing.T) {
	from, _ := socket(t)
	to, _ := socket(t)
	p, there := make([]byte, 10), address(to)
	if err := to.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := from.WriteToAddrPort(p, there); err != nil {
			t.Fatal(err)
		}
		if _, _, err := to.ReadFromAddrPort(p); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 || from.runs {
		t.Errorf("%v allocations a datagram; the sender runs: %v", allocations, from.runs)
	}
}
