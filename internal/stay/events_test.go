//go:build linux

package stay

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"unityp2p/internal/game"
	"unityp2p/internal/netlab"
)

// Homes, by what players call them.
var (
	restricted = netlab.Home{NAT: netlab.PortRestricted}
	fullCone   = netlab.Home{NAT: netlab.FullCone}
	symmetric  = netlab.Home{NAT: netlab.Symmetric}
)

// event is what happens to the network of one player while three play.
type event struct {
	name   string
	homes  [3]netlab.Home // the host's and two clients'; NoNAT: port-restricted
	relay  bool           // TURN is to be had
	both   bool           // the victim has its second network, mobile data, from the beginning
	limit  time.Duration  // DisconnectAfter; 0: the default
	victim int            // the host, unless client
	direct bool           // the victim's paths are, after it
	within time.Duration  // may be silent for so long once the network is back; 0: single
	happen func(v *victim)
}

// single is how long a single event may silence anybody once the network is back.
const single = 3 * time.Second

// victim is to whom it happens.
type victim struct {
	*player
	mobile *netlab.Router // symmetric
	host   *player
	other  *player // a client
}

// client is the victim that is not the host.
const client = 1

var events = []event{
	{name: "link down 40 s, limit 60 s", victim: client, limit: time.Minute, happen: func(v *victim) { v.down(40 * time.Second) }},
	{name: "unplugged 15 s", victim: client, happen: func(v *victim) {
		v.on.Port().Unplug()
		time.Sleep(15 * time.Second)
		v.on.Port().Plug()
	}},
	{name: "link down 15 s", victim: client, happen: func(v *victim) { v.down(15 * time.Second) }},
	{name: "link down 5 s", victim: client, happen: func(v *victim) { v.down(5 * time.Second) }},
	{name: "link down 5 s, signaling gone", victim: client, happen: func(v *victim) {
		v.town.killSignaling()
		v.down(5 * time.Second)
	}},
	{name: "router reboots, 5 s", victim: client, happen: func(v *victim) { v.home.Reboot(5 * time.Second) }},
	{name: "host's router reboots, 5 s", happen: func(v *victim) { v.home.Reboot(5 * time.Second) }},
	{name: "address changes", victim: client, happen: func(v *victim) { v.on.Port().Move() }},
	{name: "address changes, 3 s dead", victim: client, happen: func(v *victim) {
		v.on.Port().Unplug()
		time.Sleep(3 * time.Second)
		v.on.Port().Move()
	}},
	{name: "router's address changes", victim: client, happen: func(v *victim) { v.home.Move() }},
	{name: "symmetric router reboots, 5 s", victim: client, homes: twoCones, happen: func(v *victim) { v.home.Reboot(5 * time.Second) }},
	{name: "symmetric mapping lost", victim: client, homes: twoCones, happen: func(v *victim) { v.home.Forget() }},
	{name: "mapping lost under a relay", victim: client, relay: true,
		homes:  [3]netlab.Home{symmetric, symmetric, symmetric},
		happen: func(v *victim) { v.home.Forget() }},
	{name: "Wi-Fi to mobile data by a relay", victim: client, relay: true, happen: func(v *victim) {
		v.on.Join(v.mobile)
		v.on.Port().Unplug()
	}},
	{name: "mobile data by a relay to Wi-Fi", victim: client, relay: true, direct: true,
		homes: [3]netlab.Home{restricted, symmetric, restricted},
		happen: func(v *victim) {
			v.on.Join(v.town.home("Wi-Fi", restricted))
			v.on.Port().Unplug()
		}},
	{name: "one of two interfaces goes", victim: client, both: true, homes: twoCones, happen: func(v *victim) { v.used().Unplug() }},
	{name: "host's address changes", happen: func(v *victim) { v.on.Port().Move() }},
	{name: "host's mapping lost, no signaling", victim: client, homes: twoCones, happen: func(v *victim) {
		v.town.killSignaling()
		v.home.ForgetAbout(v.host.home.Uplink().Addr4())
	}},
	{name: "client's mapping lost, no signaling", victim: client, homes: twoCones, happen: func(v *victim) {
		v.town.killSignaling()
		v.home.ForgetAbout(v.other.home.Uplink().Addr4())
	}},
	{name: "way to the host blocked, no signaling", victim: client, relay: true, happen: func(v *victim) {
		v.town.killSignaling()
		v.home.Refuse(v.host.home.Uplink().Addr4())
	}},
}

// twoCones lets a symmetric client meet the others directly.
var twoCones = [3]netlab.Home{fullCone, symmetric, fullCone}

// down is a wire that nothing passes for so long, of which nobody is told.
func (v *victim) down(length time.Duration) {
	restore := v.home.Uplink().Darken()
	time.Sleep(length)
	restore()
}

// used is the interface by which the host hears the victim.
func (v *victim) used() *netlab.Port {
	seen := v.host.ask(game.Report).Pairs[v.id].Remote
	if strings.HasPrefix(seen, v.mobile.Uplink().Addr4().String()+":") {
		return v.on.Ports()[1]
	}
	return v.on.Port()
}

// Whatever happens to one network, everybody stays, no reliable message is lost,
// doubled or overtaken, and soon after the network is back all hear each other:
// the table of docs/networks.md. With UNITYP2P_SOAK, on a machine that does
// nothing else, the times are judged strictly.
func TestStayingIn(t *testing.T) {
	if !strict {
		t.Parallel()
	}
	rows := make([]string, len(events))
	t.Run("events", func(t *testing.T) {
		for i, e := range events {
			t.Run(e.name, func(t *testing.T) {
				t.Parallel()
				rows[i] = e.play(t)
			})
		}
	})
	t.Logf("60 messages of 200 B a second on both channels, %v RTT:\n\n%s\n%s", rtt, stayHead, strings.Join(rows, "\n"))
}

const stayHead = `| what happened | nothing heard, once the network was back | nothing reliable | unreachable | undisturbed pair |
|---|---|---|---|---|`

// play lets it happen and writes a row.
func (e *event) play(t *testing.T) string {
	w := newTown(t)
	v := e.build(w)
	w.all(game.Play)
	w.steady(game.Now())
	w.settle()
	before := w.weigh()

	w.all(game.Play)
	w.steady(game.Now())
	began := game.Now()
	defer func() {
		if t.Failed() {
			t.Logf("what they saw:\n%s", w.chronicle(began))
		}
	}()
	e.happen(v)
	back := game.Now()
	w.steady(back)
	w.settle()
	w.unbroken()
	w.ungrown(before)

	if e.direct {
		v.meetsDirectly()
	}
	within := e.within
	if within == 0 {
		within = single
	}
	if !strict {
		within = 4*within + 5*time.Second
	}
	var any, reliable, calm time.Duration
	for _, p := range w.players {
		for _, of := range w.players {
			if p == v.player || of == v.player {
				any = max(any, p.silence(of, game.Any, back))
				reliable = max(reliable, p.silence(of, game.Reliable, back))
			} else {
				calm = max(calm, p.silence(of, game.Any, began))
			}
		}
	}
	if any > within {
		t.Errorf("silent for %v after the network was back, want at most %v", any, within)
	}
	return fmt.Sprintf("| %s | %v | %v | %d | %v |", e.name, rounded(any), rounded(reliable), len(v.lines("unreachable")), rounded(calm))
}

// moveTime is how long a link may take to leave its relay for a direct way.
const moveTime = 10 * time.Second

// meetsDirectly waits until no path is a relay's any more.
func (v *victim) meetsDirectly() {
	v.town.Helper()
	for end := time.Now().Add(moveTime); ; time.Sleep(100 * time.Millisecond) {
		var relayed []string
		for id, p := range v.ask(game.Report).Pairs {
			if p.Path != "srflx" && p.Path != "prflx" {
				relayed = append(relayed, fmt.Sprintf("the path to %s is %s, %s - %s", id, p.Path, p.Local, p.Remote))
			}
		}
		if len(relayed) == 0 {
			return
		}
		if time.Now().After(end) {
			// A busy machine may find no direct way in time at all.
			v.town.Log(relayed)
			if strict {
				v.town.Fail()
			}
			return
		}
	}
}

// build makes the homes and lets all three meet.
func (e *event) build(w *town) *victim {
	w.Helper()
	cfg := game.Config{ICEServers: w.stun(), DisconnectAfter: e.limit}
	if e.relay {
		cfg.ICEServers = w.turn()
	}
	mobile := w.home("mobile", symmetric)
	for i, home := range e.homes {
		if home == (netlab.Home{}) {
			home = restricted
		}
		name := [...]string{"host", "first client", "second client"}[i]
		r := w.home(name, home)
		on := r.Host(name)
		if e.both && i == e.victim {
			on.Join(mobile)
		}
		w.enter(name, on, cfg).home = r
	}
	return &victim{player: w.players[e.victim], mobile: mobile, host: w.players[0], other: w.players[2]}
}
