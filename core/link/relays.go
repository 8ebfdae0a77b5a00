package link

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
)

// relays connects to TURN servers by TCP and TLS, in pion's place.
type relays struct {
	*network
	servers func() []webrtc.ICEServer // as they are now
}

// secured reports whether the host and port are those of a "turns:" URL.
func (r *relays) secured(address string) bool {
	for _, s := range r.servers() {
		for _, text := range s.URLs {
			u, err := stun.ParseURI(text)
			if err == nil && u.Scheme == stun.SchemeTypeTURNS && net.JoinHostPort(u.Host, fmt.Sprint(u.Port)) == address {
				return true
			}
		}
	}
	return false
}

// Dial implements what pion calls a proxy's dialer. A relay is greeted over TCP, and
// told what is wanted once it is.
func (r *relays) Dial(family, address string) (net.Conn, error) {
	at, err := r.resolve(family, address)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(r.ctx, family, at.String())
	if err != nil {
		return nil, err
	}
	if err := r.relay(r.ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	if r.secured(address) {
		host, _, _ := net.SplitHostPort(address) // resolve has split it
		session := tls.Client(conn, &tls.Config{ServerName: host})
		if err := session.HandshakeContext(r.ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		conn = session
	}
	conn = openStream{conn, newPermissions(r.ctx), local(at.Addr())}
	if r.only6() {
		conn = relayed4Stream{conn}
	}
	return conn, nil
}

// A relay on the internet has no way to addresses of the other side's own network,
// and servers refuse such peers. But pion asks for each, waits for the answer while it
// does nothing else, and asks again with the next check: with a few addresses of
// virtual machines and VPNs that is most of the time that a connection takes. A request
// that cannot be written costs none.
var errNoWay = errors.New("a relay on the internet has no way to a private address")

// openStream is a TCP connection to a relay. Each write is a message.
type openStream struct {
	net.Conn
	permissions *permissions
	home        bool // the relay is in a private network itself
}

func (o openStream) Write(message []byte) (int, error) {
	if err := o.permissions.ask(message, o.home); err != nil {
		return 0, err
	}
	return o.Conn.Write(message)
}

// openSocket is a UDP socket to a relay.
type openSocket struct {
	net.PacketConn
	permissions *permissions
}

func (o openSocket) WriteTo(message []byte, to net.Addr) (int, error) {
	relay, ok := to.(*net.UDPAddr)
	if err := o.permissions.ask(message, !ok || local(relay.AddrPort().Addr())); err != nil {
		return 0, err
	}
	return o.PacketConn.WriteTo(message, to)
}

// inVain reports whether a message asks for permission for a private address. Pion
// asks for one at a time, and renews those that were granted, of which none is.
func inVain(message []byte) bool {
	if !asksPermission(message) {
		return false
	}
	m := stun.Message{Raw: append([]byte(nil), message...)}
	var peer stun.XORMappedAddress
	if m.Decode() != nil || peer.GetFromAs(&m, stun.AttrXORPeerAddress) != nil {
		return false
	}
	ip, _ := netip.AddrFromSlice(peer.IP)
	return local(ip.Unmap())
}

// carrier is between providers and their customers (RFC 6598).
var carrier = netip.MustParsePrefix("100.64.0.0/10")

// local reports whether an address is of somebody's own network.
func local(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || carrier.Contains(a)
}

// relayed4 is a socket to a TURN server, on a machine that has IPv6 only, that
// looks to pion as one of IPv4: pion asks for a relayed address of the socket's
// family, and who has IPv4 only could not use one of IPv6.
type relayed4 struct{ net.PacketConn }

// LocalAddr returns an IPv4 address.
func (r relayed4) LocalAddr() net.Addr {
	a := &net.UDPAddr{IP: net.IPv4zero}
	if local, ok := r.PacketConn.LocalAddr().(*net.UDPAddr); ok {
		a.Port = local.Port
	}
	return a
}

// relayed4Stream is the same for TCP.
type relayed4Stream struct{ net.Conn }

// LocalAddr returns an IPv4 address.
func (r relayed4Stream) LocalAddr() net.Addr {
	a := &net.TCPAddr{IP: net.IPv4zero}
	if local, ok := r.Conn.LocalAddr().(*net.TCPAddr); ok {
		a.Port = local.Port
	}
	return a
}
