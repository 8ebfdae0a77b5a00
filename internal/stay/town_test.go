//go:build linux

package stay

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"unityp2p/core"
	"unityp2p/internal/game"
	"unityp2p/internal/netlab"
)

// strict says whether numbers are judged that a slow machine spoils.
var strict = os.Getenv("UNITYP2P_SOAK") != ""

// town is a lab with what players need to find each other.
type town struct {
	*testing.T
	lab       *netlab.Lab
	signaling *netlab.Host
	serving   *netlab.Process // nil while there is no signaling server
	relay     *netlab.Host
	players   []*player
}

// rtt is the round trip between two players. To the servers it is half of that.
const rtt = 40 * time.Millisecond

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{T: t, lab: netlab.New(t)}
	w.relay = w.lab.Host("relay", netlab.IPv4)
	w.relay.Start(command("unityp2p", "serve", "-addr", ":80", "-turn",
		"-turn-relays", w.relay.Port().Addr4().String(), "-turn-secret", relaySecret)).Expect("listening on ")
	w.signaling = w.lab.Host("signaling", netlab.IPv4)
	w.openSignaling()
	return w
}

func (w *town) openSignaling() {
	w.Helper()
	w.serving = w.signaling.Start(command("unityp2p", "serve", "-addr", ":80"))
	w.serving.Expect("listening on ")
}

func (w *town) killSignaling() {
	w.serving.Kill()
	w.serving = nil
}

// home adds a router whose wire to the internet has a quarter of the RTT.
func (w *town) home(name string, home netlab.Home) *netlab.Router {
	w.Helper()
	r := w.lab.Router(name, home)
	r.Uplink().Set(netlab.Conditions{Delay: rtt / 4})
	return r
}

// Players who are given the relay have these, as if a signaling server had handed
// them out (draft-uberti-behave-turn-rest-00).
const (
	relaySecret   = "the relay's"
	relayUsername = "9999999999:player"
)

// stun and turn are the servers that players may be given.
func (w *town) stun() []core.ICEServer {
	return []core.ICEServer{{URL: "stun:" + w.relay.Port().Addr4().String() + ":3478"}}
}

func (w *town) turn() []core.ICEServer {
	mac := hmac.New(sha1.New, []byte(relaySecret))
	mac.Write([]byte(relayUsername))
	return append(w.stun(), core.ICEServer{
		URL:      "turn:" + w.relay.Port().Addr4().String() + ":3478?transport=udp",
		Username: relayUsername, Credential: base64.StdEncoding.EncodeToString(mac.Sum(nil)),
	})
}

// player is one who plays in the town.
type player struct {
	*netlab.Process
	town *town
	name string
	on   *netlab.Host
	home *netlab.Router // nil: on the internet itself
	id   string         // of the member
}

// enter lets somebody into the room, the first as its host, and waits until all
// who are there have met.
func (w *town) enter(name string, on *netlab.Host, cfg game.Config) *player {
	w.Helper()
	cfg.Host = len(w.players) == 0
	cfg.Signaling = "ws://" + w.signaling.Port().Addr4().String() + "/"
	argument, err := json.Marshal(cfg)
	if err != nil {
		w.Fatal(err)
	}
	p := &player{town: w, name: name, on: on, Process: on.Start(command("player", string(argument)))}
	p.id = p.hear(game.Here).Member
	if cfg.Host {
		p.hear("open")
	}
	for _, other := range w.players {
		p.hear("connected")
		other.hear("connected")
	}
	w.players = append(w.players, p)
	return p
}

// hear waits for the next line of the kind.
func (p *player) hear(event string) game.Line {
	p.town.Helper()
	return p.town.line(p.Expect(`"Event":"` + event + `"`))
}

func (w *town) line(text string) game.Line {
	w.Helper()
	var l game.Line
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		w.Fatalf("%v in %s", err, text)
	}
	return l
}

// ask gives a command that is answered by a line of its name.
func (p *player) ask(command string) game.Line {
	p.town.Helper()
	p.Say(command)
	return p.hear(command)
}

// all gives everybody a command.
func (w *town) all(command string) {
	w.Helper()
	for _, p := range w.players {
		p.Say(command)
	}
}

// patience is how long anything may take that a test waits for. Only a failure
// takes so long.
const patience = 60 * time.Second

// settle lets everybody rest and waits until every reliable message has arrived.
// It returns what each then says of each: its way to it, and what it got from it.
func (w *town) settle() map[*player]map[*player]game.Pair {
	w.Helper()
	w.all(game.Rest)
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		views, missing := w.views()
		if missing == "" {
			return views
		}
		if time.Now().After(end) {
			w.Fatal(missing)
		}
	}
}

// views asks everybody, and says what is missing until all has arrived.
func (w *town) views() (views map[*player]map[*player]game.Pair, missing string) {
	w.Helper()
	views = map[*player]map[*player]game.Pair{}
	for _, p := range w.players {
		views[p] = map[*player]game.Pair{}
		pairs := p.ask(game.Report).Pairs
		for _, other := range w.players {
			if other == p {
				continue
			}
			pair, here := pairs[other.id]
			if !here {
				w.Fatalf("%s does not see %s any more", p.name, other.name)
			}
			views[p][other] = pair
		}
	}
	for p, view := range views {
		for other, pair := range view {
			if sent := pair.Reliable.Sent; views[other][p].Reliable.Got != sent {
				missing = fmt.Sprintf("%s sent %s %d reliable messages, of which came %d",
					p.name, other.name, sent, views[other][p].Reliable.Got)
			}
		}
	}
	return views, missing
}
