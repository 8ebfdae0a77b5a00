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
// build one. It knows IPv4, UDP, NAT and delay.
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

// home adds a router of a kind with one host behind it.
func (v *virtual) home(kind vnet.NATType) *vnet.Net {
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
	host := v.host(router, net.IPv4(192, 168, byte(v.homes), 2).String())
	if err := v.internet.AddRouter(router); err != nil {
		v.t.Fatal(err)
	}
	return host
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
	nat := func(mapping, filtering vnet.EndpointDependencyType) vnet.NATType {
		return vnet.NATType{MappingBehavior: mapping, FilteringBehavior: filtering, MappingLifeTime: time.Minute}
	}
	kinds := []struct {
		name string
		nat  vnet.NATType
	}{
		{"full cone", nat(vnet.EndpointIndependent, vnet.EndpointIndependent)},
		{"address-restricted", nat(vnet.EndpointIndependent, vnet.EndpointAddrDependent)},
		{"port-restricted", nat(vnet.EndpointIndependent, vnet.EndpointAddrPortDependent)},
		{"symmetric", nat(vnet.EndpointAddrPortDependent, vnet.EndpointAddrPortDependent)},
	}
	for i, a := range kinds {
		for j, b := range kinds {
			// Vnet numbers its interfaces without a lock: they are made one by one.
			v := newVirtual(t)
			nets := []*vnet.Net{v.home(a.nat), v.home(b.nat)}
			v.serve()
			t.Run(a.name+", "+b.name, func(t *testing.T) {
				t.Parallel()
				link := meetVirtually(t, nets)
				s := link.Stats()
				relayed := s.LocalType == webrtc.ICECandidateTypeRelay || s.RemoteType == webrtc.ICECandidateTypeRelay
				if want := i+j >= 5; relayed != want {
					t.Errorf("met by %v and %v", s.LocalType, s.RemoteType)
				}
				t.Logf("%v %s - %v %s in %v", s.LocalType, s.Local, s.RemoteType, s.Remote, s.Connecting)
			})
		}
	}
}

// meetVirtually connects a link over two networks and returns the offerer's end.
func meetVirtually(t *testing.T, nets []*vnet.Net) *Link {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan struct{})
	var ends [2]*end
	var engines [2]*Engine
	for i := range ends {
		o := testOptions()
		o.OnlyLoopback, o.Net = false, nets[i]
		o.ICEServers = []webrtc.ICEServer{{
			URLs: []string{"stun:203.0.113.1:3478", "turn:203.0.113.1:3478?transport=udp"}, Username: "user", Credential: "secret",
		}}
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
	for _, e := range ends {
		e.await("up", func() bool { return e.up })
	}
	return ends[0].link
}
