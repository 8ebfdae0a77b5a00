package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"unityp2p/core/sigclient"
)

// checkURL reads the URL as the game would.
func (v *visit) checkURL(context.Context) (string, error) {
	const like = "It should look like wss://example.org or wss://example.org/path."
	if v.TLSPin != "" {
		pin, err := sigclient.ParsePin(v.TLSPin)
		if err != nil {
			return "", failed("`unityp2p cert` and `openssl x509 -noout -fingerprint -sha256` print it.", "the pin is none: %v", err)
		}
		v.pin = pin
	}
	u, err := url.Parse(v.URL)
	if err != nil {
		return "", failed(like, "the URL does not parse")
	}
	switch scheme := strings.ToLower(u.Scheme); {
	case scheme == "http" || scheme == "https":
		return "", failed(fmt.Sprintf("Games want %s://%s%s.", strings.Replace(scheme, "http", "ws", 1), u.Host, u.EscapedPath()),
			"the URL begins with %s://", scheme)
	case scheme != "ws" && scheme != "wss":
		return "", failed(like, "the URL does not begin with ws:// or wss://")
	case u.Hostname() == "":
		return "", failed(like, "the URL names no host")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u.Fragment = ""
	v.url = u
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path} // a query may hold a token
	return shown.String(), nil
}

func (v *visit) secure() bool { return v.url.Scheme == "wss" }

func (v *visit) port() string {
	switch p := v.url.Port(); {
	case p != "":
		return p
	case v.secure():
		return "443"
	}
	return "80"
}

// checkDNS looks the host's name up.
func (v *visit) checkDNS(ctx context.Context) (string, error) {
	host := v.url.Hostname()
	if a, err := netip.ParseAddr(host); err == nil {
		v.addresses = []netip.Addr{a}
		return "an address needs no name", nil
	}
	ctx, cancel := context.WithTimeout(ctx, v.Patience)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	var lookup *net.DNSError
	switch {
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return "", failed("Is it spelled right? A record that has just been made takes some minutes to be known everywhere.", "there is no host %q", host)
	case err != nil:
		return "", failed("Is this machine online? Another resolver may know more.", "looking up %q: %v", host, err)
	}
	texts := make([]string, len(addresses))
	for i, a := range addresses {
		v.addresses = append(v.addresses, a.Unmap())
		texts[i] = a.Unmap().String()
	}
	return host + " is " + strings.Join(texts, ", "), nil
}

// maxAddresses bounds how many addresses of a host are tried.
const maxAddresses = 16

// checkTCP connects to every address.
func (v *visit) checkTCP(ctx context.Context) (string, error) {
	v.addresses = v.addresses[:min(len(v.addresses), maxAddresses)]
	took, errs := make([]time.Duration, len(v.addresses)), make([]error, len(v.addresses))
	var dialing sync.WaitGroup
	for i, a := range v.addresses {
		dialing.Go(func() {
			began := time.Now()
			dialer := net.Dialer{Timeout: v.Patience}
			conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(a.String(), v.port()))
			if took[i], errs[i] = time.Since(began), err; err == nil {
				_ = conn.Close()
			}
		})
	}
	dialing.Wait()
	var good, bad []string
	for i, a := range v.addresses {
		at := net.JoinHostPort(a.String(), v.port())
		if errs[i] == nil {
			v.answers = append(v.answers, at)
			good = append(good, at+" in "+milliseconds(took[i]))
		} else {
			bad = append(bad, at+" "+whyNot(errs[i]))
		}
	}
	switch {
	case len(good) == 0:
		return "", failed(v.tcpAdvice(errs[0]), "%s", strings.Join(bad, ", "))
	case len(bad) > 0:
		return "", noted("A player whose machine tries that first has to wait. If this machine has no IPv6 itself, it is no fault of the server's.",
			"%s; but %s", strings.Join(good, ", "), strings.Join(bad, ", "))
	}
	return strings.Join(good, ", "), nil
}

// whyNot says in few words why an address does not answer.
func whyNot(err error) string {
	var netError net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refuses: nobody listens there"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "cannot be reached from here"
	case errors.As(err, &netError) && netError.Timeout():
		return "does not answer"
	}
	return err.Error()
}

func (v *visit) tcpAdvice(err error) string {
	if errors.Is(err, syscall.ECONNREFUSED) {
		advice := fmt.Sprintf("Is the server running, and on port %s?", v.port())
		if v.url.Port() == "" {
			advice += fmt.Sprintf(" A %s:// URL without a port means that one.", v.url.Scheme)
		}
		return advice + " A server that listens on 127.0.0.1 answers only its own machine."
	}
	return fmt.Sprintf("Something on the way drops it: a firewall, or a router without a forwarding of TCP port %s.", v.port())
}

// dial connects to an address that is known to answer.
func (v *visit) dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: v.Patience}
	return dialer.DialContext(ctx, "tcp", v.answers[0])
}

// near tells whether the host is of this machine's network.
func (v *visit) near() bool {
	for _, a := range v.addresses {
		if !a.IsLoopback() && !a.IsPrivate() && !a.IsLinkLocalUnicast() {
			return false
		}
	}
	return true
}
