package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"unityp2p/core"
)

// servers returns the ICE servers of a kind, given and handed out.
func (v *visit) servers(plain, secure stun.SchemeType) (found []iceServer, err error) {
	for _, s := range append(append([]core.ICEServer{}, v.ICE...), v.ice...) {
		uri, err := stun.ParseURI(s.URL)
		if err != nil {
			return nil, failed("Such URLs look like stun:example.org:3478 or turn:example.org:3478?transport=tcp (RFC 7064, RFC 7065).", "%q is no URL of an ICE server", s.URL)
		}
		if uri.Scheme == plain || uri.Scheme == secure {
			found = append(found, iceServer{s, uri})
		}
	}
	return found, nil
}

type iceServer struct {
	core.ICEServer
	uri *stun.URI
}

// each checks every server of a kind. One that does not work fails the step.
func (v *visit) each(servers []iceServer, none string, try func(iceServer) (string, error)) (string, error) {
	if len(servers) == 0 {
		return "", skipped("", "%s", none)
	}
	var good, bad []string
	advice := ""
	for _, s := range servers {
		says, err := try(s)
		var f *finding
		switch {
		case err == nil:
			good = append(good, s.URL+" "+says)
			continue
		case errors.As(err, &f):
			advice = f.advice
		}
		bad = append(bad, s.URL+": "+err.Error())
	}
	if len(bad) > 0 {
		return "", failed(advice, "%s", strings.Join(append(bad, good...), "; "))
	}
	return strings.Join(good, "; "), nil
}

// checkSTUN asks each STUN server for our address.
func (v *visit) checkSTUN(ctx context.Context) (string, error) {
	servers, err := v.servers(stun.SchemeTypeSTUN, stun.SchemeTypeSTUNS)
	if err != nil {
		return "", err
	}
	return v.each(servers, "no STUN server is handed out or given (-ice)", func(s iceServer) (string, error) {
		c, err := v.reach(ctx, s)
		if err != nil {
			return "", err
		}
		defer c.close()
		mapped, err := c.SendBindingRequest()
		if err != nil {
			return "", c.explain(err)
		}
		return "sees us as " + mapped.String(), nil
	})
}

// checkTURN has each TURN server relay something.
func (v *visit) checkTURN(ctx context.Context) (string, error) {
	servers, err := v.servers(stun.SchemeTypeTURN, stun.SchemeTypeTURNS)
	if err != nil {
		return "", err
	}
	return v.each(servers, "no TURN server is handed out or given (-ice): players whom no direct path joins stay apart",
		func(s iceServer) (string, error) { return v.relay(ctx, s) })
}

// client is a client of one STUN or TURN server. It is closed when its time is
// over, which ends what waits for an answer.
type client struct {
	*turn.Client
	conn net.PacketConn
	stop func() bool
	ctx  context.Context
	end  context.CancelFunc
}

func (c *client) close() {
	c.stop()
	c.end()
	c.Client.Close()
	_ = c.conn.Close()
}

// explain says what an error of the server's means.
func (c *client) explain(err error) error {
	var code *stun.TurnError
	switch {
	case c.ctx.Err() != nil:
		return failed("Is it running, and does the firewall let its port through, for UDP too?", "no answer")
	case errors.As(err, &code) && code.ErrorCodeAttr.Code == stun.CodeUnauthorized:
		return failed("Have the credentials run out, or do the servers' secrets differ?", "it refuses the credentials")
	case errors.As(err, &code):
		return failed("", "it answers %d %s", code.ErrorCodeAttr.Code, code.ErrorCodeAttr.Reason)
	}
	return err
}

// reach connects to a server, over what its URL says.
func (v *visit) reach(ctx context.Context, s iceServer) (*client, error) {
	ctx, cancel := context.WithTimeout(ctx, v.Patience)
	address, err := net.ResolveUDPAddr("udp", net.JoinHostPort(s.uri.Host, strconv.Itoa(s.uri.Port)))
	if err != nil {
		cancel()
		return nil, failed("Is the name right?", "%v", err)
	}
	conn, err := v.transport(ctx, s, address)
	if err != nil {
		cancel()
		return nil, err
	}
	at := address.String()
	c, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: at, TURNServerAddr: at, Username: s.Username, Password: s.Credential, Conn: conn,
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: discard{}, DefaultLogLevel: logging.LogLevelDisabled},
	})
	if err == nil {
		err = c.Listen()
	}
	if err != nil {
		cancel()
		_ = conn.Close()
		return nil, err
	}
	stop := context.AfterFunc(ctx, c.Close)
	return &client{c, conn, stop, ctx, cancel}, nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// transport is what the requests go over.
func (v *visit) transport(ctx context.Context, s iceServer, to *net.UDPAddr) (net.PacketConn, error) {
	secure := s.uri.Scheme == stun.SchemeTypeSTUNS || s.uri.Scheme == stun.SchemeTypeTURNS
	if s.uri.Proto == stun.ProtoTypeUDP {
		if secure {
			return nil, failed("Games use TURN with TLS over TCP: ?transport=tcp.", "DTLS is not checked here")
		}
		if to.IP.To4() != nil { // the address that the server is asked for is of the socket's family
			return net.ListenPacket("udp4", ":0")
		}
		return net.ListenPacket("udp6", ":0")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, failed("Does it listen on TCP there, and does the firewall let that through?", "%s", whyNot(err))
	}
	if secure {
		config := v.TLS.Clone()
		config.ServerName = s.uri.Host
		client := tls.Client(conn, config)
		if err := client.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, failed("The TURN server needs a certificate that players' machines trust, for the name in its URL.", "TLS: %v", err)
		}
		conn = client
	}
	return turn.NewSTUNConn(conn), nil
}

// relay gets an address at the server, and sends a packet to it and back.
func (v *visit) relay(ctx context.Context, s iceServer) (string, error) {
	c, err := v.reach(ctx, s)
	if err != nil {
		return "", err
	}
	defer c.close()
	relayed, err := c.AllocateWithContext(c.ctx)
	if err != nil {
		return "", c.explain(err)
	}
	defer relayed.Close()
	us, err := c.SendBindingRequest()
	if err != nil {
		return "", c.explain(err)
	}
	if err := c.CreatePermission(us); err != nil {
		var code *stun.TurnError
		if errors.As(err, &code) && code.ErrorCodeAttr.Code == stun.CodeForbidden {
			return fmt.Sprintf("relays at %s, but rightly not to %s, which is not on the internet", relayed.LocalAddr(), us), v.forbidden(us)
		}
		return "", c.explain(err)
	}
	began, oneWay := time.Now(), sameHost(us, relayed.LocalAddr())
	if err := c.echo(relayed, oneWay); err != nil {
		return "", err
	}
	if oneWay {
		return fmt.Sprintf("relays at %s, which is this machine: from another one the way back can be seen too", relayed.LocalAddr()), nil
	}
	return fmt.Sprintf("relays at %s, there and back in %s", relayed.LocalAddr(), milliseconds(time.Since(began))), nil
}

// forbidden judges a refusal to relay to us: that is right if we are in the
// server's own network.
func (v *visit) forbidden(us net.Addr) error {
	host, _, err := net.SplitHostPort(us.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && (ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast()) {
		return nil
	}
	return failed("Its rules of where it relays to leave out the internet.", "it refuses to relay to %s", us)
}

// resendEvery is how often a packet is sent again that may have been lost.
const resendEvery = 250 * time.Millisecond

// sameHost tells whether two addresses are of one machine.
func sameHost(a, b net.Addr) bool {
	one, err := netip.ParseAddrPort(a.String())
	other, err2 := netip.ParseAddrPort(b.String())
	return err == nil && err2 == nil && one.Addr().Unmap() == other.Addr().Unmap()
}

// echo sends packets to the relayed address from a socket of our own. The first
// that arrives goes back where it came from, through the server. If oneWay, it is
// enough that it arrives: servers do not relay to what runs beside them.
func (c *client) echo(relayed net.PacketConn, oneWay bool) error {
	own, err := net.ListenPacket("udp", ":0")
	if err != nil {
		return err
	}
	defer own.Close()
	unblock := context.AfterFunc(c.ctx, func() {
		_ = own.SetDeadline(time.Now())
		_ = relayed.SetDeadline(time.Now())
	})
	defer unblock()
	returned := make(chan error, 1)
	var arrived atomic.Bool
	go func() {
		buffer := make([]byte, 1500)
		n, from, err := relayed.ReadFrom(buffer)
		for err == nil {
			arrived.Store(true)
			if _, err = relayed.WriteTo(buffer[:n], from); err == nil {
				n, from, err = relayed.ReadFrom(buffer)
			}
		}
		returned <- err
	}()
	defer func() {
		_ = relayed.SetReadDeadline(time.Now())
		<-returned
	}()
	buffer := make([]byte, 1500)
	for c.ctx.Err() == nil {
		if _, err := own.WriteTo([]byte("unityp2p doctor"), relayed.LocalAddr()); err != nil {
			break
		}
		_ = own.SetReadDeadline(time.Now().Add(resendEvery))
		if n, _, err := own.ReadFrom(buffer); err == nil && string(buffer[:n]) == "unityp2p doctor" {
			return nil
		}
		if oneWay && arrived.Load() {
			return nil
		}
	}
	return failed("The ports that it relays at have to be open for UDP, and it has to name them by its public address. If this machine cannot send UDP itself, this says nothing of the server.",
		"it gave the address %s, but nothing came through", relayed.LocalAddr())
}
