package metrics_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"unityp2p/core/wire"
	"unityp2p/signaling"
	"unityp2p/signaling/metrics"
	"unityp2p/signaling/turn"
)

const patience = 30 * time.Second

// scrape asks as Prometheus does.
func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("answered %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestTheExpositionFollowsTheConventions(t *testing.T) {
	m := metrics.New([]signaling.App{{Name: "a\xff"}, {Name: "b"}, {Name: "b"}}, "1.2.3")
	m.Relays()
	problems, err := promlint.New(strings.NewReader(scrape(t, m))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// names returns the metrics of an exposition that are our own.
func names(exposition string) (found []string) {
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (unityp2p_\S+) `).FindAllStringSubmatch(exposition, -1) {
		found = append(found, match[1])
	}
	slices.Sort(found)
	return found
}

func TestEveryMetricIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/watching.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, match := range regexp.MustCompile("(?m)^\\| `(unityp2p_[a-z_]+)").FindAllSubmatch(text, -1) {
		documented = append(documented, string(match[1]))
	}
	slices.Sort(documented)
	m := metrics.New(nil, "")
	m.Relays()
	if there := names(scrape(t, m)); !slices.Equal(there, documented) {
		t.Errorf("there are\n%q\nand docs/watching.md has\n%q", there, documented)
	}
}

// What a TURN server does is counted.
func TestRelaysAreCounted(t *testing.T) {
	m := metrics.New(nil, "")
	r := m.Relays()
	r.Allocations(1)
	r.Allocations(1)
	r.Allocations(-1)
	r.Carried(100)
	r.Dropped(50)
	r.RelayRefused(turn.RefusedPeer)
	r.RelayRefused("unheard of")
	got := scrape(t, m)
	for _, line := range []string{
		"unityp2p_turn_relays 1", "unityp2p_turn_relays_begun_total 2", "unityp2p_turn_packets_total 1", "unityp2p_turn_bytes_total 100",
		"unityp2p_turn_dropped_packets_total 1", "unityp2p_turn_dropped_bytes_total 50", `unityp2p_turn_refusals_total{reason="peer"} 1`,
	} {
		if !strings.Contains(got, "\n"+line+"\n") {
			t.Errorf("%q is not in\n%s", line, got)
		}
	}
}

// The list of refusals that the counters are made from has all of them.
func TestEveryRefusalIsCounted(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../refusal.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && v.Type != nil {
			if name, ok := v.Type.(*ast.Ident); ok && name.Name == "Refusal" {
				count++
			}
		}
		return true
	})
	if all := signaling.Refusals(); count < 20 || len(all) != count {
		t.Errorf("refusal.go has %d refusals, and Refusals returns %d", count, len(all))
	}
	m := metrics.New(nil, "")
	for _, why := range append(signaling.Refusals(), "never heard of") {
		m.Refused(why)
	}
	text := scrape(t, m)
	for _, why := range append(signaling.Refusals(), "other") {
		expect(t, text, fmt.Sprintf(`unityp2p_signaling_refusals_total{reason="%s"} 1`, why))
	}
}

func expect(t *testing.T, exposition string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+exposition, "\n"+line+"\n") {
			name, _, _ := strings.Cut(line, "{")
			t.Errorf("no line %s; but %q", line, regexp.MustCompile(`(?m)^`+name+`.*$`).FindAllString(exposition, -1))
		}
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	m := metrics.New([]signaling.App{{Name: "a"}}, "")
	for name, count := range map[string]func(){
		"connections": func() { m.Connected("a"); m.Disconnected("a"); m.Connected("b") },
		"rooms":       func() { m.Rooms("a", 1); m.Rooms("a", -1) },
		"links":       func() { m.Links("a", 1); m.Links("a", -1) },
		"refusals":    func() { m.Refused(signaling.RefusedConnect); m.Refused("new") },
		"frames":      func() { m.Received(wire.ReliableMessage, 600); m.Sent(99, 600) },
		"relays":      func() { m.Relayed(100 * time.Microsecond) },
	} {
		if n := testing.AllocsPerRun(100, count); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// A server is counted as it is used.
func TestAServerIsCounted(t *testing.T) {
	m := metrics.New(nil, "")
	s, err := signaling.New(signaling.Config{Observer: m})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	defer h.Close()
	listener, connector := dial(t, h.URL), dial(t, h.URL)
	exchange(t, listener, listener, "0302ffff0100000061 00")
	exchange(t, connector, connector, "0602010001000000 6200") // nobody is there
	exchange(t, connector, listener, "06020100010000006100")   // the listener hears of it
	for range 3 {
		exchange(t, connector, listener, "02010100 01000000 ff")
	}
	if got := m.Now(); got != (metrics.Counts{Sockets: 2, Rooms: 1, Links: 1}) {
		t.Errorf("here are %+v", got)
	}
	expect(t, scrape(t, m),
		`unityp2p_signaling_connections{app="default"} 2`,
		`unityp2p_signaling_connections_total{app="default"} 2`,
		`unityp2p_signaling_rooms{app="default"} 1`,
		`unityp2p_signaling_links{app="default"} 1`,
		`unityp2p_signaling_links_made_total{app="default"} 1`,
		`unityp2p_signaling_received_frames_total{type="reliable_message"} 3`,
		`unityp2p_signaling_received_bytes_total{type="reliable_message"} 27`,
		`unityp2p_signaling_sent_bytes_total{type="reliable_message"} 27`,
		`unityp2p_signaling_sent_frames_total{type="connection_failed"} 1`,
		`unityp2p_signaling_refusals_total{reason="connect"} 1`,
	)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	// The room was held for a host that might have come back; no more.
	if got := m.Now(); got != (metrics.Counts{}) {
		t.Errorf("after the end here are %+v", got)
	}
	expect(t, scrape(t, m),
		`unityp2p_signaling_connections{app="default"} 0`,
		`unityp2p_signaling_rooms_opened_total{app="default"} 1`,
		`unityp2p_signaling_relay_seconds_count 3`)
}

func dial(t *testing.T, url string) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial(strings.Replace(url, "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// exchange sends a frame over one socket and reads one from the other.
func exchange(t *testing.T, from, to *websocket.Conn, frame string) {
	t.Helper()
	p, err := hex.DecodeString(strings.ReplaceAll(frame, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := from.WriteMessage(websocket.BinaryMessage, p); err != nil {
		t.Fatal(err)
	}
	_ = to.SetReadDeadline(time.Now().Add(patience))
	if _, _, err := to.ReadMessage(); err != nil {
		t.Fatal(err)
	}
}

// What a scrape of a server with many apps costs is bounded by the apps, not by
// what strangers do.
func TestStrangersAddNoLabels(t *testing.T) {
	m := metrics.New(nil, "")
	before := lines(scrape(t, m))
	for i := range 100 {
		m.Connected(fmt.Sprint("app", i))
		m.Refused(signaling.Refusal(fmt.Sprint("why", i)))
		m.Received(wire.FrameType(i), i)
	}
	if after := lines(scrape(t, m)); after != before {
		t.Errorf("%d lines became %d", before, after)
	}
}

func lines(text string) (n int) {
	for s := bufio.NewScanner(bytes.NewBufferString(text)); s.Scan(); {
		if strings.HasPrefix(s.Text(), "unityp2p_") {
			n++
		}
	}
	return n
}

func BenchmarkFrame(b *testing.B) {
	m := metrics.New(nil, "")
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Received(wire.ReliableMessage, 600)
			m.Sent(wire.ReliableMessage, 600)
			m.Relayed(30 * time.Microsecond)
		}
	})
}
