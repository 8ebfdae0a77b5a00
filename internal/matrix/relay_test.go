//go:build linux

package matrix

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"unityp2p/internal/netlab"
)

// relay is our STUN and TURN server on a host of the lab, with UDP and TCP at port
// 3478 and TLS at 443, for IPv4 and IPv6.
type relay struct {
	host  *netlab.Host
	roots string // file with the certificate that its clients must trust
}

// Players who are given the relay have these, as if a signaling server had handed
// them out.
const (
	relaySecret   = "the relay's"
	relayUsername = "9999999999:player"
)

// relayPassword is what goes with relayUsername (draft-uberti-behave-turn-rest-00).
func relayPassword() string {
	mac := hmac.New(sha1.New, []byte(relaySecret))
	mac.Write([]byte(relayUsername))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func newRelay(t *testing.T, host *netlab.Host) *relay {
	t.Helper()
	r := &relay{host: host, roots: filepath.Join(t.TempDir(), "roots.pem")}
	key := r.certify(t)
	args := append([]string{"serve", "-https-addr", "[::]:443", "-cert", r.roots, "-key", key}, relaying(host)...)
	host.Start(command(args...)).Expect("listening on wss://")
	return r
}

// relaying are the flags of a server that is a STUN and TURN server as well.
func relaying(host *netlab.Host) []string {
	own := host.Port().Addr4().String() + "," + host.Port().Addr6().String()
	return []string{"-turn", "-turn-relays", own, "-turn-secret", relaySecret}
}

// certify makes a certificate for the host's addresses, and returns the file of
// its key.
func (r *relay) certify(t *testing.T) (keyFile string) {
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
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	keyFile = r.roots + ".key"
	for name, block := range map[string]*pem.Block{
		r.roots: {Type: "CERTIFICATE", Bytes: certificate}, keyFile: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return keyFile
}

// One server is all that a game needs, and its URL all that it is told: players
// hear of STUN and TURN from it, by whichever way they can reach it.
func TestOneServerIsEnough(t *testing.T) {
	for name, home := range map[string]netlab.Home{"symmetric": symmetric, "UDP blocked": noUDP, "only 443": only443} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			start := func(at, what string) *netlab.Process {
				cmd := command(what, "lobby", "-json", "-signaling", "wss://"+w.relay.host.Port().Addr4().String()+":443/")
				cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+w.relay.roots)
				return w.home(at, home, rtt).Host(what).Start(cmd)
			}
			host := start("host's", "host")
			expect(t, host, "open")
			client := start("client's", "join")
			expect(t, host, "connected")
			if l := expect(t, client, "connected"); l.Link.Path != "relay" {
				t.Errorf("met by %v", l.Link)
			}
			client.Say("from the client")
			if got := expect(t, host, "message"); got.Text != "from the client" {
				t.Errorf("the host heard %q", got.Text)
			}
		})
	}
}
