package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"unityp2p/cmd/unityp2p/settings"
	"unityp2p/signaling/metrics"
	"unityp2p/signaling/turn"
)

// relaying is what the settings say of STUN and TURN.
type relaying struct {
	on     bool
	at     endpoint
	names  []string
	relays []netip.Addr
	ports  portRange
	secret string
	config turn.Config
}

type portRange struct{ min, max uint16 }

func newRelaying() relaying {
	return relaying{
		at:    endpoint{port: turn.DefaultPort},
		ports: portRange{turn.DefaultPortMin, turn.DefaultPortMax},
		config: turn.Config{
			Lifetime: turn.DefaultLifetime, Allocations: turn.DefaultAllocations,
			PerPlayer: turn.DefaultPerPlayer, PerAddress: turn.DefaultPerAddress, BytesPerSecond: turn.DefaultBytesPerSecond,
		},
	}
}

// rows are the settings of STUN and TURN.
func (r *relaying) rows() []settings.Row {
	c := &r.config
	return []settings.Row{
		{Name: "turn", Key: "turn.on", Value: settings.Bool(&r.on),
			Usage: "Be a STUN and TURN server as well, and tell players of it: those whom their routers keep apart meet through it. They need no `ice_servers` of their own."},
		{Name: "turn-addr", Key: "turn.addr", Value: r.at.value(),
			Usage: "Where STUN and TURN listen, by UDP and TCP. With a certificate, TURN is at https-addr by TLS too, for players who may use port 443 alone."},
		{Name: "turn-names", Key: "turn.names", Value: settings.List(&r.names, "names", settings.Any), Default: "those of ACME, else turn-relays",
			Usage: "The names or addresses by which players reach turn-addr. For TURN by TLS, names of the certificate."},
		{Name: "turn-relays", Key: "turn.relays", Value: settings.List(&r.relays, "addresses", parseAddress), Default: "this machine's, public ones first",
			Usage: "The addresses that relayed packets come from, as the internet sees them: at most one of IPv4 and one of IPv6. To be set where the provider translates them, as large clouds do."},
		{Name: "turn-ports", Key: "turn.ports", Value: settings.Of(&r.ports, "from-to", parsePorts, portRange.text),
			Usage: "The UDP ports that relayed packets come from. The firewall has to let them in."},
		{Name: "turn-secret", Key: "turn.secret", Value: settings.Text(&r.secret), Secret: true, Default: "a random one, new at every start",
			Usage: "Makes and checks the players' credentials, as the static-auth-secret of coturn does."},
		{Name: "turn-lifetime", Key: "turn.lifetime", Value: settings.Duration(&c.Lifetime, time.Minute, 24*time.Hour),
			Usage: "How long credentials begin new relays. Those that there are go on, and players get new ones in time."},
		{Name: "turn-max-relays", Key: "turn.relaysInAll", Value: settings.Number(&c.Allocations, 1, 1<<20),
			Usage: "How many relays there may be at once. A player has up to three for each other player."},
		{Name: "turn-max-relays-per-player", Key: "turn.relaysPerPlayer", Value: settings.Number(&c.PerPlayer, 1, 1<<20),
			Usage: "How many one player may have at once."},
		{Name: "turn-max-relays-per-address", Key: "turn.relaysPerAddress", Value: settings.Number(&c.PerAddress, 1, 1<<20),
			Usage: "How many may be asked for from one address, or one /64 of IPv6: each socket of the signaling server is a player of its own."},
		{Name: "turn-bytes-per-second", Key: "turn.bytesPerSecond", Value: settings.Number(&c.BytesPerSecond, 1<<10, 1<<30),
			Usage: "How much one player's relays carry, both ways together. What is more is lost."},
		{Name: "turn-allow", Key: "turn.allow", Value: settings.List(&c.Allowed, "networks", parseNetwork), Default: "none",
			Usage: "Networks that may be relayed into although they are private, for a server in a LAN: `192.168.0.0/16`. Else nobody reaches what is behind the server's firewall."},
	}
}

// check refuses settings of TURN where nobody said whether there is to be any. Who
// says that there is none may keep them.
func (r *relaying) check(t *settings.Table) error {
	if t.Source("turn") != settings.Default {
		return nil
	}
	for _, row := range r.rows() {
		if source := t.Source(row.Name); source != settings.Default {
			return fmt.Errorf("%s is set (%s) and turn is not: without it there is no TURN server", row.Name, source)
		}
	}
	return nil
}

func parseAddress(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, errors.New("IP addresses are wanted, such as 192.0.2.1")
	}
	return a.Unmap(), nil
}

func (p portRange) text() string { return fmt.Sprintf("%d-%d", p.min, p.max) }

func parsePorts(text string) (portRange, error) {
	low, high, _ := strings.Cut(text, "-")
	a, err := strconv.ParseUint(low, 10, 16)
	b, err2 := strconv.ParseUint(high, 10, 16)
	if err != nil || err2 != nil || a == 0 || a > b {
		return portRange{}, errors.New("a range of ports is wanted, such as 49152-65535")
	}
	return portRange{uint16(a), uint16(b)}, nil
}

// relay starts the STUN and TURN server, if there is to be one.
func (c *serveSettings) relay(counts *metrics.Metrics, log *slog.Logger, out io.Writer) (*turn.Server, error) {
	r := c.relaying
	if !r.on || !r.at.on() {
		return nil, nil //nolint:nilnil // none is fine
	}
	config := r.config
	config.Host, config.Port = r.at.host, uint16(r.at.port)
	config.Names, config.Relays = r.names, r.relays
	if len(config.Relays) == 0 {
		var err error
		if config.Relays, err = ownAddresses(); err != nil {
			return nil, err
		}
	}
	config.PortMin, config.PortMax = r.ports.min, r.ports.max
	config.Secret = []byte(r.secret)
	config.Logger, config.Observer = log, counts.Relays()
	if len(config.Names) == 0 {
		config.Names = c.acme.Hosts
	}
	tlsPort := 0
	if c.https.on() {
		tlsPort = c.https.port
	}
	s, err := turn.Listen(config, tlsPort)
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, windowsAddressInUse) {
		return nil, notListening(r.at, err)
	}
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(out, "signaling: STUN and TURN at %s\n", s.Address())
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("saying where it listens: %w", err)
	}
	return s, nil
}

// ownAddresses returns this machine's best address of each family.
func ownAddresses() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("listing this machine's addresses: %w", err)
	}
	best := make(map[bool]netip.Addr)
	for _, a := range all {
		network, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(network.IP)
		ip = ip.Unmap()
		if !ok || !ip.IsGlobalUnicast() {
			continue
		}
		if old, known := best[ip.Is4()]; !known || (old.IsPrivate() && !ip.IsPrivate()) {
			best[ip.Is4()] = ip
		}
	}
	var found []netip.Addr
	for _, is4 := range []bool{true, false} {
		if a, ok := best[is4]; ok {
			found = append(found, a)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("this machine has no address that others could reach: set turn-relays, such as 192.0.2.1")
	}
	return found, nil
}
