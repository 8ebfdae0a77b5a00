package link

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/pion/transport/v5/vnet"
	"github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"

	"unityp2p/internal/pionlog"
)

// virtual is an internet in memory, for machines on which internal/netlab cannot
// build one. It knows IPv4, UDP, NAT and delay; what internal/matrix does with TCP,
// IPv6, firewalls and hairpins has no counterpart here.
type virtual struct {
	t        *testing.T
	internet *vnet.Router
	homes    int
}

func newVirtual(t *testing.T) *virtual {
	t.Helper()
	internet, err := vnet.NewRouter(&vnet.RouterConfig{
		CIDR: "203.0.113.0/24", MinDelay: 5 * time.Millisecond, LoggerFactory: pionlog.To(silent()),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &virtual{t: t, internet: internet}
}

func silent() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// home adds a router of a kind with so many hosts behind it.
func (v *virtual) home(kind vnet.NATType, hosts int) []*vnet.Net {
	v.t.Helper()
	v.homes++
	public := net.IPv4(203, 0, 113, byte(10+v.homes)).String()
	router, err := vnet.NewRouter(&vnet.RouterConfig{
		CIDR: net.IPv4(192, 168, byte(v.homes), 0).String() + "/24", StaticIPs: []string{public},
		NATType: &kind, LoggerFactory: pionlog.To(silent()),
	})
	if err != nil {
		v.t.Fatal(err)
	}
	all := make([]*vnet.Net, hosts)
	for i := range all {
		all[i] = v.host(router, net.IPv4(192, 168, byte(v.homes), byte(2+i)).String())
	}
	if err := v.internet.AddRouter(router); err != nil {
		v.t.Fatal(err)
	}
	return all
}

// player adds a host with the internet's own address, or behind a router.
func (v *virtual) player(n nat) *vnet.Net {
	v.t.Helper()
	if n.kind != nil {
		return v.home(*n.kind, 1)[0]
	}
	v.homes++
	return v.host(v.internet, net.IPv4(203, 0, 113, byte(10+v.homes)).String())
}

// nat is what a player sits behind.
type nat struct {
	name string
	kind *vnet.NATType // nil: none
}

// nats are all, the most open ones first: two meet directly if their places add up
// to less than those of a port-restricted and a symmetric one.
var nats = []nat{
	{"no NAT", nil},
	{"full cone", natOf(vnet.EndpointIndependent, vnet.EndpointIndependent)},
	{"address-restricted", natOf(vnet.EndpointIndependent, vnet.EndpointAddrDependent)},
	{"port-restricted", natOf(vnet.EndpointIndependent, vnet.EndpointAddrPortDependent)},
	{"symmetric", natOf(vnet.EndpointAddrPortDependent, vnet.EndpointAddrPortDependent)},
}

const hopelessTogether = 3 + 4

func natOf(mapping, filtering vnet.EndpointDependencyType) *vnet.NATType {
	return &vnet.NATType{MappingBehavior: mapping, FilteringBehavior: filtering, MappingLifeTime: time.Minute}
}

func (v *virtual) host(router *vnet.Router, ip string) *vnet.Net {
	v.t.Helper()
	host, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{ip}})
	if err == nil {
		err = router.AddNet(host)
	}
	if err != nil {
		v.t.Fatal(err)
	}
	return host
}

// serve starts the internet and a STUN and TURN server at 203.0.113.1.
func (v *virtual) serve() {
	v.t.Helper()
	const ip = "203.0.113.1"
	host := v.host(v.internet, ip)
	if err := v.internet.Start(); err != nil {
		v.t.Fatal(err)
	}
	conn, err := host.ListenPacket("udp4", ip+":3478")
	if err != nil {
		v.t.Fatal(err)
	}
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "virtual", LoggerFactory: pionlog.To(silent()),
		AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) {
			return a.Username, turn.GenerateAuthKey(a.Username, a.Realm, "secret"), true
		},
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn:            conn,
			RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{RelayAddress: net.ParseIP(ip), Address: ip, Net: host},
		}},
	})
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() {
		_ = server.Close()
		_ = v.internet.Stop()
	})
}

// Every pair of NATs, in memory: those meet directly who theory says can, and the
// others by the relay.
func TestNATsInMemory(t *testing.T) {
	for i, a := range nats {
		for j, b := range nats {
			t.Run(a.name+", "+b.name, func(t *testing.T) {
				want := i+j >= hopelessTogether
				var s Stats
				// A machine that has no time for us may let the relay be first.
				for range 3 {
					v := newVirtual(t)
					one, two := v.player(a), v.player(b)
					v.serve()
					s = meetVirtually(t, one, two).Stats()
					t.Logf("%v %s - %v %s in %v", s.LocalType, s.Local, s.RemoteType, s.Remote, s.Connecting)
					if s.relayed() == want {
						return
					}
				}
				t.Errorf("met by %v and %v", s.LocalType, s.RemoteType)
			})
		}
	}
}

func (s Stats) relayed() bool {
	return s.LocalType == webrtc.ICECandidateTypeRelay || s.RemoteType == webrtc.ICECandidateTypeRelay
}

// Two in one home meet there, whatever its router is.
func TestOneHomeInMemory(t *testing.T) {
	for _, n := range nats[1:] {
		t.Run(n.name, func(t *testing.T) {
			v := newVirtual(t)
			hosts := v.home(*n.kind, 2)
			v.serve()
			s := meetVirtually(t, hosts[0], hosts[1]).Stats()
			if s.LocalType != webrtc.ICECandidateTypeHost || s.RemoteType != webrtc.ICECandidateTypeHost {
				t.Errorf("met by %v %s and %v %s", s.LocalType, s.Local, s.RemoteType, s.Remote)
			}
		})
	}
}

// Where theory says that STUN alone does not do, it does not.
func TestSTUNAloneInMemory(t *testing.T) {
	for i, a := range nats {
		for j, b := range nats {
			if i+j < hopelessTogether {
				continue
			}
			t.Run(a.name+", "+b.name, func(t *testing.T) {
				v := newVirtual(t)
				one, two := v.player(a), v.player(b)
				v.serve()
				ends := pairVirtually(t, one, two, func(o *Options) {
					o.ICEServers = []webrtc.ICEServer{{URLs: []string{"stun:203.0.113.1:3478"}}}
					o.ConnectTimeout = 2 * time.Second
				})
				for _, e := range ends {
					e.await("the end", func() bool { return e.down != nil })
					if e.up || *e.down != Failed {
						t.Errorf("met all the same: up %v, ended with reason %v", e.up, *e.down)
					}
				}
			})
		}
	}
}

// meetVirtually connects a link over two networks and returns the offerer's end.
func meetVirtually(t *testing.T, one, two *vnet.Net) *Link {
	t.Helper()
	ends := pairVirtually(t, one, two, nil)
	for _, e := range ends {
		e.await("up", func() bool { return e.up })
	}
	return ends[0].link
}

// ours is a network whose sockets to relays are as those of the engine's own.
type ours struct{ *vnet.Net }

func (o ours) ListenPacket(family, address string) (net.PacketConn, error) {
	conn, err := o.Net.ListenPacket(family, address)
	if err != nil {
		return nil, err
	}
	return openSocket{conn, newPermissions(context.Background())}, nil
}

// pairVirtually begins a link over two networks.
func pairVirtually(t *testing.T, one, two *vnet.Net, change func(*Options)) (ends [2]*end) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan struct{})
	var engines [2]*Engine
	for i, network := range []*vnet.Net{one, two} {
		o := testOptions()
		o.OnlyLoopback, o.Net = false, ours{network}
		o.ICEServers = []webrtc.ICEServer{{
			URLs: []string{"stun:203.0.113.1:3478", "turn:203.0.113.1:3478?transport=udp"}, Username: "user", Credential: "secret",
		}}
		if change != nil {
			change(&o)
		}
		e, err := NewEngine(o)
		if err != nil {
			t.Fatal(err)
		}
		engines[i] = e
		ends[i] = &end{t: t, ready: ready, admit: true, changed: make(chan struct{})}
	}
	ends[0].other, ends[1].other = ends[1], ends[0]
	var err error
	if ends[1].link, err = engines[1].Answer(ctx, ends[1], engines[0].Member()); err != nil {
		t.Fatal(err)
	}
	if ends[0].link, err = engines[0].Offer(ctx, ends[0], engines[1].Member()); err != nil {
		t.Fatal(err)
	}
	close(ready)
	t.Cleanup(func() {
		cancel()
		<-ends[0].link.Done()
		<-ends[1].link.Done()
	})
	return ends
}
