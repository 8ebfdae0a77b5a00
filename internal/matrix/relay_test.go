//go:build linux

package matrix

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"unityp2p/internal/netlab"
)

// relay is a STUN and TURN server on a host of the lab, with UDP and TCP at port
// 3478 and TLS at 443, for IPv4 and IPv6.
type relay struct {
	host  *netlab.Host
	roots string // file with the certificate that its clients must trust
}

func newRelay(t *testing.T, host *netlab.Host) *relay {
	t.Helper()
	r := &relay{host: host}
	certificate := r.certificate(t)
	config := turn.ServerConfig{
		Realm: "lab", LoggerFactory: quiet{}, StrictAddressFamily: true,
		AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) {
			return a.Username, turn.GenerateAuthKey(a.Username, a.Realm, "secret"), a.Username == "user"
		},
	}
	for _, ip := range []string{host.Port().Addr4().String(), host.Port().Addr6().String()} {
		udp, err := host.ListenPacket("udp", net.JoinHostPort(ip, "3478"))
		if err != nil {
			t.Fatal(err)
		}
		config.PacketConnConfigs = append(config.PacketConnConfigs, turn.PacketConnConfig{PacketConn: udp, RelayAddressGenerator: &allocator{host}})
		for _, port := range []string{"3478", "443"} {
			l, err := host.Listen("tcp", net.JoinHostPort(ip, port))
			if err != nil {
				t.Fatal(err)
			}
			if port == "443" {
				l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
			}
			config.ListenerConfigs = append(config.ListenerConfigs, turn.ListenerConfig{Listener: l, RelayAddressGenerator: &allocator{host}})
		}
	}
	server, err := turn.NewServer(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return r
}

// certificate makes one for the host's addresses.
func (r *relay) certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		IPAddresses:  []net.IP{r.host.Port().Addr4().AsSlice(), r.host.Port().Addr6().AsSlice()},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	r.roots = filepath.Join(t.TempDir(), "roots.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(r.roots, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// allocator opens the relay's sockets on its host, of the family that the client
// asked for, whichever it came by.
type allocator struct{ host *netlab.Host }

func (a *allocator) Validate() error { return nil }

func (a *allocator) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	ip := a.host.Port().Addr4()
	if c.Network == "udp6" {
		ip = a.host.Port().Addr6()
	}
	conn, err := a.host.ListenPacket(c.Network, net.JoinHostPort(ip.String(), "0"))
	if err != nil {
		return nil, nil, err
	}
	return conn, conn.LocalAddr(), nil
}

var errNoTCP = errors.New("no TCP is relayed")

func (a *allocator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errNoTCP
}

func (a *allocator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errNoTCP }

// quiet is a logger of pion's that says nothing.
type quiet struct{}

func (quiet) NewLogger(string) logging.LeveledLogger {
	return &logging.DefaultLeveledLogger{}
}
