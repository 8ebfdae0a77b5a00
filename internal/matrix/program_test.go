//go:build linux

package matrix

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"unityp2p/internal/netlab"
)

// scratch is where the program is.
var scratch string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if netlab.Possible() == nil {
		dir, err := os.MkdirTemp("", "matrix")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		scratch = dir
		build := exec.Command("go", "build", "-o", executable(), "unityp2p/cmd/unityp2p")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
			return 1
		}
	}
	return m.Run()
}

func executable() string { return filepath.Join(scratch, "unityp2p") }

// line is what the program says with -json, as far as these tests care.
type line struct {
	Event  string
	After  float64
	ID     uint32
	Member string
	Host   bool
	Code   string
	Text   string
	Link   *struct {
		Path          string
		Local, Remote struct{ Type, Address string }
		RTT           float64
		Connecting    float64
	}
}

// expect waits for the next event of a kind.
func expect(t *testing.T, p *netlab.Process, event string) line {
	t.Helper()
	return parse(t, p.Expect(`"event":"`+event+`"`))
}

func parse(t *testing.T, text string) line {
	t.Helper()
	var l line
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return l
}

// town is a lab with what two players need to find each other.
type town struct {
	*testing.T
	lab       *netlab.Lab
	signaling *netlab.Host
	relay     *relay
}

// rtt is the round trip between two players who are not neighbours. To the
// servers it is half of that.
const rtt = 40 * time.Millisecond

// newTown makes the servers. The signaling server is at port 443, so that it can
// be reached from everywhere.
func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{T: t, lab: netlab.New(t)}
	w.signaling = w.lab.Host("signaling", netlab.DualStack)
	w.relay = newRelay(t, w.lab.Host("relay", netlab.DualStack))
	w.signaling.Start(command("serve", "-addr", "[::]:443")).Expect("listening on ")
	return w
}

// home adds a router whose wire to the internet has a quarter of the RTT.
func (w *town) home(name string, home netlab.Home, rtt time.Duration) *netlab.Router {
	r := w.lab.Router(name, home)
	r.Uplink().Set(netlab.Conditions{Delay: rtt / 4})
	return r
}

// at writes a server's address as a host can use it.
func at(h *netlab.Host, server *netlab.Host) string {
	if h.Port().Addr4().IsValid() {
		return server.Port().Addr4().String()
	}
	return "[" + server.Port().Addr6().String() + "]"
}

// servers lists ICE servers as a host can use them.
func (w *town) servers(h *netlab.Host, ice []string, separator string) string {
	return strings.ReplaceAll(strings.Join(ice, separator), "RELAY", at(h, w.relay.host))
}

// url is the signaling server's.
func (w *town) url(h *netlab.Host) string { return "ws://" + at(h, w.signaling) + ":443/" }

// start runs host or join on a host.
func (w *town) start(h *netlab.Host, what, room string, ice []string, more ...string) *netlab.Process {
	servers := "none"
	if len(ice) > 0 {
		servers = w.servers(h, ice, ",")
	}
	args := append([]string{what, room, "-json", "-ice", servers, "-signaling", w.url(h)}, more...)
	cmd := command(args...)
	cmd.Env = w.environment()
	return h.Start(cmd)
}

// environment lets a program trust the relay.
func (w *town) environment() []string { return append(environment(), "SSL_CERT_FILE="+w.relay.roots) }

// command runs the program.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(executable(), args...)
	cmd.Env = environment()
	return cmd
}

// environment is ours without the variables of the tests, which the program would
// take for settings of its own.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "UNITYP2P_")
	})
}

// The servers that players may be given. RELAY is where ours is.
var (
	known    = relayUsername + " " + relayPassword()
	stunOnly = []string{"stun:RELAY:3478"}
	turnUDP  = []string{"stun:RELAY:3478", "turn:RELAY:3478?transport=udp " + known}
	turnTCP  = []string{"stun:RELAY:3478", "turn:RELAY:3478?transport=tcp " + known}
	turnTLS  = []string{"stun:RELAY:3478", "turns:RELAY:443?transport=tcp " + known}
	allKinds = append(append(append([]string(nil), turnUDP...), turnTCP[1]), turnTLS[1])
)
