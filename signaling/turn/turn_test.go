package turn

import (
	"bytes"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/logging"
	pion "github.com/pion/turn/v5"

	"unityp2p/internal/pionlog"
)

const patience = 30 * time.Second

// counter is an Observer.
type counter struct {
	relays, carried, dropped atomic.Int64
	refused                  [7]atomic.Int64
}

func (c *counter) Allocations(change int) { c.relays.Add(int64(change)) }
func (c *counter) Carried(bytes int)      { c.carried.Add(int64(bytes)) }
func (c *counter) Dropped(bytes int)      { c.dropped.Add(int64(bytes)) }
func (c *counter) RelayRefused(why RelayRefusal) {
	for i, r := range RelayRefusals() {
		if r == why {
			c.refused[i].Add(1)
		}
	}
}

func (c *counter) refusals(why RelayRefusal) int64 {
	for i, r := range RelayRefusals() {
		if r == why {
			return c.refused[i].Load()
		}
	}
	return -1
}

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func listen(t *testing.T, c Config) (*Server, *counter) {
	t.Helper()
	seen := new(counter)
	c.Host, c.Observer = "127.0.0.1", seen
	if c.Relays == nil {
		c.Relays = []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	}
	s, err := Listen(c, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, seen
}

func logger() logging.LoggerFactory { return pionlog.To(slog.New(slog.DiscardHandler)) }

// client is a TURN client over a socket of any kind.
func client(t *testing.T, s *Server, socket net.PacketConn, username, password string) *pion.Client {
	t.Helper()
	c, err := pion.NewClient(&pion.ClientConfig{
		STUNServerAddr: s.Address(), TURNServerAddr: s.Address(), Conn: socket,
		Username: username, Password: password, LoggerFactory: logger(), RTO: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	return c
}

func udp(t *testing.T) net.PacketConn {
	t.Helper()
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return socket
}

// handed returns credentials as a player gets them.
func credentials(s *Server) (username, password string) {
	turn := s.ICEServers()[1]
	return turn.Username, turn.Credential
}

func allocate(t *testing.T, s *Server, socket net.PacketConn) net.PacketConn {
	t.Helper()
	username, password := credentials(s)
	relay, err := client(t, s, socket, username, password).Allocate()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = relay.Close() })
	return relay
}

// exchange sends until it arrives: UDP may lose.
func exchange(t *testing.T, from, to net.PacketConn) {
	t.Helper()
	want := []byte("over the relay")
	got := make([]byte, 100)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if _, err := from.WriteTo(want, to.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		_ = to.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if n, _, err := to.ReadFrom(got); err == nil && bytes.Equal(got[:n], want) {
			return
		}
	}
	t.Fatal("nothing arrived")
}

func TestPlayersMeetThroughIt(t *testing.T) {
	s, seen := listen(t, Config{})
	mapped, err := client(t, s, udp(t), "", "").SendBindingRequest()
	if err != nil || !strings.HasPrefix(mapped.String(), "127.0.0.1:") {
		t.Fatalf("STUN says %v, %v", mapped, err)
	}
	tcp, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	a, b := allocate(t, s, udp(t)), allocate(t, s, pion.NewSTUNConn(tcp))
	// Each has to speak first for its own permission.
	_, _ = a.WriteTo([]byte("x"), b.LocalAddr())
	exchange(t, b, a)
	exchange(t, a, b)
	if seen.relays.Load() != 2 || seen.carried.Load() == 0 {
		t.Errorf("%d relays, %d bytes carried", seen.relays.Load(), seen.carried.Load())
	}
	s.Close()
	await(t, "the relays end with the server", func() bool { return seen.relays.Load() == 0 })
}

func TestTLSComesFromElsewhere(t *testing.T) {
	s, seen := listen(t, Config{})
	near, far := net.Pipe()
	go s.Serve(&addressed{far})
	relay := allocate(t, s, pion.NewSTUNConn(&addressed{near}))
	if !strings.HasPrefix(relay.LocalAddr().String(), "127.0.0.1:") {
		t.Errorf("relayed from %v", relay.LocalAddr())
	}
	_ = near.Close()
	await(t, "a relay ends with its connection", func() bool { return seen.relays.Load() == 0 })
}

// addressed gives a pipe addresses, as a TCP connection has.
type addressed struct{ net.Conn }

func (*addressed) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (*addressed) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }

func TestOnlyPlayersRelay(t *testing.T) {
	s, seen := listen(t, Config{})
	other, _ := listen(t, Config{})
	username, password := credentials(other)
	old := strconv.FormatInt(time.Now().Add(-time.Minute).Unix(), 10) + ":" + newPlayer()
	_, mine := credentials(s)
	for name, pair := range map[string][2]string{
		"of another secret": {username, password},
		"too old":           {old, s.password(old)},
		"another's":         {strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10) + ":" + newPlayer(), mine},
		"no time":           {"player", s.password("player")},
	} {
		if relay, err := client(t, s, udp(t), pair[0], pair[1]).Allocate(); err == nil {
			t.Errorf("%s: relays from %v", name, relay.LocalAddr())
		}
	}
	if seen.relays.Load() != 0 || seen.refusals(RefusedCredentials) < 4 {
		t.Errorf("%d relays, %d refusals", seen.relays.Load(), seen.refusals(RefusedCredentials))
	}
}

// A game may last longer than the credentials that its relays began with.
func TestARelayOutlivesItsCredentials(t *testing.T) {
	s, _ := listen(t, Config{Lifetime: time.Second})
	username, password := credentials(s)
	socket := udp(t)
	c := client(t, s, socket, username, password)
	a, err := c.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	b := allocate(t, s, udp(t))
	end, _, _ := strings.Cut(username, ":")
	seconds, _ := strconv.ParseInt(end, 10, 64)
	await(t, "the credentials end", func() bool { return time.Now().Unix() > seconds })
	_, _ = b.WriteTo([]byte("x"), a.LocalAddr())
	exchange(t, a, b) // asks for a permission, with the old credentials
}

func TestLimits(t *testing.T) {
	s, seen := listen(t, Config{Allocations: 3, PerPlayer: 2, BytesPerSecond: 64 << 10})
	username, password := credentials(s)
	var mine []net.PacketConn
	for range 2 {
		relay, err := client(t, s, udp(t), username, password).Allocate()
		if err != nil {
			t.Fatal(err)
		}
		mine = append(mine, relay)
	}
	if _, err := client(t, s, udp(t), username, password).Allocate(); err == nil {
		t.Error("a player has more relays than it may")
	}
	allocate(t, s, udp(t))
	u, p := credentials(s)
	if _, err := client(t, s, udp(t), u, p).Allocate(); err == nil {
		t.Error("there are more relays than there may be")
	}
	if seen.refusals(RefusedPlayer) == 0 || seen.refusals(RefusedFull) == 0 {
		t.Error("refusals are not counted")
	}
	_, _ = mine[1].WriteTo([]byte("x"), mine[0].LocalAddr())
	exchange(t, mine[0], mine[1])
	await(t, "what is too much is dropped", func() bool {
		_, _ = mine[0].WriteTo(make([]byte, 1200), mine[1].LocalAddr())
		return seen.dropped.Load() > 0
	})
	_ = mine[0].Close()
	await(t, "a relay makes room", func() bool { return seen.relays.Load() == 2 })
}

// What else listens at the server's own address may trust whoever is there.
// Whoever keeps saying something stays no longer for it, unless it relays.
func TestStrangersDoNotStay(t *testing.T) {
	s, _ := listen(t, Config{})
	s.gate.mu.Lock()
	s.gate.first = 3 * time.Second
	s.gate.mu.Unlock()
	stay, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	relay := allocate(t, s, pion.NewSTUNConn(stay))
	stranger, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	await(t, "a stranger is let go", func() bool {
		// The beginning of a frame, a byte at a time.
		_, err := stranger.Write([]byte{0})
		return err != nil
	})
	other := allocate(t, s, udp(t))
	_, _ = other.WriteTo([]byte("x"), relay.LocalAddr())
	exchange(t, relay, other)
}

// A port that something else has is an error, also if it is only taken in one of
// the families.
func TestATakenPort(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	for _, host := range []string{"", "127.0.0.1"} {
		s, err := Listen(Config{Host: host, Port: uint16(port), Relays: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}, 0)
		if err == nil {
			s.Close()
			t.Errorf("at %q: no error", host)
		}
	}
}

func TestStrangersHoldFewConnections(t *testing.T) {
	s, seen := listen(t, Config{Allocations: 1, PerAddress: 1})
	var conns []net.Conn
	for range spareConnections + 2 {
		c, err := net.Dial("tcp", s.Address())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	await(t, "one too many is refused", func() bool { return seen.refusals(RefusedConnections) == 1 })
	_ = conns[0].Close()
	await(t, "there is room again", func() bool {
		s.gate.mu.Lock()
		defer s.gate.mu.Unlock()
		return len(s.gate.here) == spareConnections
	})
	s.Close()
	_ = conns[1].SetReadDeadline(time.Now().Add(patience))
	if _, err := conns[1].Read(make([]byte, 1)); err == nil {
		t.Error("a connection outlives the server")
	}
}

func TestConfigIsChecked(t *testing.T) {
	two := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}
	for name, c := range map[string]Config{
		"ports": {PortMin: 5, PortMax: 4}, "half a range": {PortMin: 5}, "two relays": {Relays: two},
		"no address": {Relays: []netip.Addr{{}}}, "limits": {PerPlayer: -1},
	} {
		if s, err := Listen(c, 0); err == nil {
			s.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

// Credentials are there for the asking, an address is not.
func TestAnAddressHasSoManyRelays(t *testing.T) {
	s, seen := listen(t, Config{PerAddress: 2})
	first := allocate(t, s, udp(t))
	allocate(t, s, udp(t))
	username, password := credentials(s)
	if _, err := client(t, s, udp(t), username, password).Allocate(); err == nil || seen.refusals(RefusedAddress) == 0 {
		t.Errorf("an address has more relays than it may: %v", err)
	}
	_ = first.Close()
	await(t, "there is room again", func() bool { return !s.households.full("127.0.0.1") })
	allocate(t, s, udp(t))
	for text, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1", "[2001:db8:1:2:3::4]:5": "2001:db8:1:2::/64", "": "",
	} {
		if got := household(named(text)); got != want {
			t.Errorf("%s counts as %s, not %s", text, got, want)
		}
	}
}

type named string

func (named) Network() string  { return "udp" }
func (n named) String() string { return string(n) }
