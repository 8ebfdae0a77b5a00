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

// How fast players meet by each kind of way: the table of docs/networks.md. With
// UNITYP2P_SOAK, on a machine that does nothing else, the times are judged;
// elsewhere only what no slow machine explains.
func TestHowFastPlayersMeet(t *testing.T) {
	strict := os.Getenv("UNITYP2P_SOAK") != ""
	rows := make([]string, len(kinds))
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
				rows[i] = row
			})
		}
	})
	t.Logf("from offer to open:\n\n%s\n%s", tableHead, strings.Join(rows, "\n"))
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
