//go:build linux

package stay

import (
	"strings"
	"testing"
	"time"

	"unityp2p/internal/netlab"
)

// What makes a new path necessary, and the ways by which it is agreed on.
var moves = []event{
	{name: "address moves", victim: 1, happen: func(v *victim) { v.on.Port().Move() }},
	{name: "address moves, 3 s gap", victim: 1, happen: func(v *victim) {
		v.on.Port().Unplug()
		v.on.Port().Move()
		time.Sleep(3 * time.Second)
		v.on.Port().Plug()
	}},
	{name: "host's address moves", happen: func(v *victim) { v.on.Port().Move() }},
	{name: "router's address moves", victim: 1, happen: func(v *victim) { v.home.Move() }},
	{name: "host's router's address moves", happen: func(v *victim) { v.home.Move() }},
	{name: "one of two interfaces dies", victim: 1, mobile: true, relay: true, happen: func(v *victim) { v.on.Port().Unplug() }},
	{name: "mapping lost under a relay", victim: 1, relay: true, homes: [3]netlab.Home{symmetric, symmetric, symmetric},
		happen: func(v *victim) { v.home.Forget() }},
	{name: "way to the host blocked, signaling gone", victim: 1, relay: true, happen: func(v *victim) {
		v.town.killSignaling()
		v.home.Refuse(v.host.home.Uplink().Addr4())
	}},
	{name: "way to a client blocked, signaling gone", victim: 1, relay: true, happen: func(v *victim) {
		v.town.killSignaling()
		v.home.Refuse(v.other.home.Uplink().Addr4())
	}},
}

// A broken path is made anew, over whichever way there is to agree on it.
func TestNewPaths(t *testing.T) {
	rows := make([]string, len(moves))
	t.Run("events", func(t *testing.T) {
		for i, e := range moves {
			t.Run(e.name, func(t *testing.T) {
				t.Parallel()
				rows[i] = e.play(t)
			})
		}
	})
	t.Logf("60 messages of 200 B a second on both channels, %v RTT:\n\n%s\n%s", rtt, stayHead, strings.Join(rows, "\n"))
}
