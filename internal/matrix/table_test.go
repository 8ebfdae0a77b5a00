//go:build linux

package matrix

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// kind is a way whose times docs/networks.md shows, and how long it may take:
// fixed, and so many round trips.
type kind struct {
	pair
	fixed time.Duration
	trips int
}

var kinds = []kind{
	{pair{name: "in one home", host: restricted, together: true, ice: allKinds}, 200 * time.Millisecond, 6},
	{pair{name: "no NAT", host: public, client: public, ice: allKinds}, 200 * time.Millisecond, 6},
	{pair{name: "IPv6", host: onlyIPv6, client: onlyIPv6, ice: allKinds}, 200 * time.Millisecond, 6},
	{pair{name: "through two NATs", host: restricted, client: restricted, ice: allKinds}, 200 * time.Millisecond, 6},
	{pair{name: "symmetric and full cone", host: symmetric, client: fullCone, ice: allKinds}, 200 * time.Millisecond, 6},
	{pair{name: "TURN over UDP", host: symmetric, client: symmetric, ice: turnUDP}, 450 * time.Millisecond, 8},
	{pair{name: "TURN over TCP", host: noUDP, client: noUDP, ice: turnTCP}, 450 * time.Millisecond, 8},
	{pair{name: "TURN over TLS", host: only443, client: only443, ice: turnTLS}, 450 * time.Millisecond, 8},
}

// distances are the round trips that the table is made from.
var distances = [...]time.Duration{40 * time.Millisecond, 140 * time.Millisecond}

// How fast players meet by each kind of way: the second table of docs/networks.md. With
// UNITYP2P_SOAK, on a machine that does nothing else, the times are judged;
// elsewhere only what no slow machine explains.
func TestHowFastPlayersMeet(t *testing.T) {
	strict := os.Getenv("UNITYP2P_SOAK") != ""
	times := make([]string, len(kinds))
	var mu sync.Mutex
	t.Run("kinds", func(t *testing.T) {
		for i := range kinds {
			k := &kinds[i]
			t.Run(k.name, func(t *testing.T) {
				if !strict {
					t.Parallel()
				}
				row := k.measure(t, strict)
				mu.Lock()
				defer mu.Unlock()
				times[i] = row
			})
		}
	})
	t.Logf("from offer to open:\n\n%s\n%s", tableHead, strings.Join(times, "\n"))
	inTheDocument(t, tableHead)
	for _, row := range times {
		if f := strings.SplitAfterN(row, "|", 4); len(f) == 4 { // of the numbers, each machine has its own
			inTheDocument(t, strings.Join(f[:3], ""))
		}
	}
}

// inTheDocument looks that docs/networks.md has what the tests found out.
func inTheDocument(t *testing.T, text string) {
	t.Helper()
	document, err := os.ReadFile("../../docs/networks.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(document), text) {
		t.Errorf("docs/networks.md has not this:\n%s", text)
	}
}

// reach is the table of who reaches whom. The zero value is empty.
type reach struct {
	mu    sync.Mutex
	how   [rows][7]string // as many as there are sides
	pairs int
}

// set notes how a pair of the table met: directly, or by the help that it had.
func (r *reach) set(p *pair, m meeting) {
	if p.cell == nil {
		return
	}
	how := "direct"
	if m.Link.Path == "relay" {
		how = map[string]string{turnUDP[1]: "TURN", turnTCP[1]: "TURN/TCP", turnTLS[1]: "TURN/TLS"}[p.ice[len(p.ice)-1]]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.how[p.cell.row][p.cell.column] = how
	r.pairs++
}

// String writes it as the document has it.
func (r *reach) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	b.WriteString("| |")
	for _, s := range sides {
		fmt.Fprintf(&b, " %s |", s.name)
	}
	b.WriteString("\n|" + strings.Repeat("---|", 1+len(sides)) + "\n")
	for i, row := range r.how {
		fmt.Fprintf(&b, "| **%s** |", sides[i].name)
		for _, how := range row {
			b.WriteString(strings.TrimRight(" "+how, " ") + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

const tableHead = `| way | path | at 40 ms RTT | at 140 ms RTT | that is | signaling before it | bytes of signaling |
|---|---|---|---|---|---|---|`

func (p *pair) at(t *testing.T, rtt time.Duration) meeting {
	t.Helper()
	w := newTown(t)
	host, client := p.players(w, rtt)
	return w.meet(host, client, p.ice)
}

// measure writes a row: the median of three where it counts.
func (k *kind) measure(t *testing.T, strict bool) string {
	t.Helper()
	times := 1
	if strict {
		times = 3
	}
	var took [len(distances)]float64
	var last meeting
	for i, rtt := range distances {
		all := make([]float64, times)
		for j := range all {
			last = k.at(t, rtt)
			all[j] = last.Link.Connecting
		}
		slices.Sort(all)
		took[i] = all[times/2]
		bound := k.fixed + time.Duration(k.trips)*rtt
		if !strict {
			bound = 4*bound + 5*time.Second
		}
		if got := time.Duration(took[i] * float64(time.Millisecond)); got > bound {
			t.Errorf("%v at %v RTT, want at most %v", got, rtt, bound)
		}
	}
	trips := (took[1] - took[0]) / float64((distances[1]-distances[0])/time.Millisecond)
	fixed := took[0] - trips*float64(distances[0]/time.Millisecond)
	return fmt.Sprintf("| %s | %s | %.0f ms | %.0f ms | %.0f ms + %.1f RTT | %.0f ms | %d |",
		k.name, last.Link.Path, took[0], took[1], fixed, trips, last.signaling, last.bytes)
}
