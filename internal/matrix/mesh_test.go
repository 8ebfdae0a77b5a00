//go:build linux

package matrix

import (
	"fmt"
	"slices"
	"testing"

	"unityp2p/internal/netlab"
)

// Four members behind four different NATs: each has a link of its own to every
// other, by the best way that the two have, and hears each once.
func TestAMeshOfFourNATs(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	homes := []netlab.Home{fullCone, addressed, restricted, symmetric}
	members := make([]*netlab.Process, len(homes))
	reached := make([]map[string]string, len(homes)) // of each: the way to whom
	for i, home := range homes {
		command := "join"
		if i == 0 {
			command = "host"
		}
		host := w.home(home.NAT.String(), home, rtt).Host(home.NAT.String())
		members[i] = w.start(host, command, "lobby", allKinds)
		reached[i] = map[string]string{}
		if i == 0 {
			expect(t, members[i], "open")
		}
		// The newcomer and those who are there meet one another.
		for j := range i {
			for _, k := range []int{i, j} {
				l := expect(t, members[k], "connected")
				reached[k][l.Member] = l.Link.Path
			}
		}
	}
	for i, paths := range reached {
		if len(paths) != len(homes)-1 {
			t.Errorf("the %v member reached %v", homes[i].NAT, paths)
		}
		t.Logf("%v: %v", homes[i].NAT, paths)
	}
	for i, m := range members {
		m.Say(fmt.Sprintf("from %d", i))
	}
	for i, m := range members {
		var heard []string
		for range len(members) - 1 {
			heard = append(heard, expect(t, m, "message").Text)
		}
		slices.Sort(heard)
		var want []string
		for j := range members {
			if j != i {
				want = append(want, fmt.Sprintf("from %d", j))
			}
		}
		if !slices.Equal(heard, want) {
			t.Errorf("the %v member heard %q", homes[i].NAT, heard)
		}
	}
	// All but the symmetric and the port-restricted member can meet directly.
	relays := 0
	for _, paths := range reached {
		for _, path := range paths {
			if path == "relay" {
				relays++
			}
		}
	}
	if relays != 2 {
		t.Errorf("%d ends of links are relayed, want the 2 of one link", relays)
	}
}
