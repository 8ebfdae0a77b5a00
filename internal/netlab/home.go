//go:build linux

package netlab

import (
	"fmt"
	"strings"
)

// NAT is how a router shares its one IPv4 address (RFC 4787 section 4 and 5;
// the names are RFC 3489's).
type NAT int

// The kinds of NAT. All but Symmetric give a socket one mapping, whoever it talks
// to; they differ in who may answer.
const (
	NoNAT             NAT = iota // hosts have public addresses
	FullCone                     // anyone
	AddressRestricted            // whoever was sent something, from any port
	PortRestricted               // whoever was sent something, from that port
	Symmetric                    // so too, and a mapping of its own for each destination
)

// String returns the kind's name in plain words.
func (n NAT) String() string {
	names := [...]string{"no NAT", "full cone", "address-restricted", "port-restricted", "symmetric"}
	if int(n) < len(names) {
		return names[n]
	}
	return "unknown"
}

// Firewall is what a router lets through besides its NAT.
type Firewall int

// The kinds of firewalls.
const (
	Stateful Firewall = iota // out anything, in what belongs to it; NAT decides for IPv4 behind it
	Open                     // in anything too, where there is no NAT
	NoUDP                    // Stateful, and UDP nowhere
	Only443                  // Stateful, and out nothing but TCP to port 443
)

// Home describes a router and what is behind it.
type Home struct {
	NAT      NAT
	Firewall Firewall
	Families Families // of its hosts; 0: IPv4. IPv6 is never behind NAT
	Hairpin  bool     // hosts reach each other by the router's public address
	Isolated bool     // hosts do not reach each other directly, as in many a guest Wi-Fi
}

// The router's interfaces.
const (
	uplinkName = "wan"
	homeName   = "lan"
)

// rules writes the router for nft(8). The tables exist already when a router
// begins anew; what was mapped in them goes.
func (h Home) rules(public string) string {
	var b strings.Builder
	b.WriteString(h.firewall("ip6", false))
	b.WriteString(h.firewall("ip", h.NAT != NoNAT))
	if h.NAT != NoNAT {
		b.WriteString(h.translation(public))
	}
	return b.String()
}

func (h Home) firewall(family string, translated bool) string {
	var rules []string
	switch h.Firewall {
	case NoUDP:
		rules = append(rules, "meta l4proto udp drop")
	case Only443:
		rules = append(rules, `iifname "lan" oifname "wan" tcp dport != 443 drop`, `iifname "lan" oifname "wan" meta l4proto != tcp drop`)
	}
	switch {
	case translated:
		// What the translation brings in was asked for by its rules; the rest is
		// for the router's own address and never gets here.
		rules = append(rules, `iifname "wan" ct status dnat accept`, `iifname "wan" ct state new drop`)
	case h.Firewall != Open:
		rules = append(rules, `iifname "wan" ct state new drop`)
	}
	return fmt.Sprintf(`
table %[1]s firewall {
	chain forward { type filter hook forward priority 0; policy accept; %[2]s; }
}`, family, strings.Join(append(rules, "counter"), "; "))
}

// markRule marks each connection with whom it is to, for Router.ForgetAbout.
const markRule = "ct mark set @nh,128,32"

// translation is the NAT. The map remembers which host has which port: the kernel
// keeps a port's number where it can, and only Symmetric tells it not to.
//
// The drop on the way in to the router itself matters: a packet that came before
// the hole was punched would otherwise be remembered as the router's own
// connection, and take the mapping's place.
//
// Symmetric is unlucky: what a server was shown is never the port that a player is
// met by. With ports of one range, a pair with a port-restricted router has about 47
// chances in 64512 to meet directly all the same (sockets, times ports known of the
// other side), and a test that it does not fails now and then.
func (h Home) translation(public string) string {
	var in, out []string
	switch h.NAT {
	case FullCone:
		in = append(in, `iifname "wan" meta l4proto udp dnat to udp dport map @ports`)
	case AddressRestricted:
		in = append(in, `iifname "wan" ip saddr @asked meta l4proto udp dnat to udp dport map @ports`)
	}
	if h.Hairpin {
		in = append(in, fmt.Sprintf(`iifname "lan" ip daddr %s meta l4proto udp dnat to udp dport map @ports`, public))
		out = append(out, fmt.Sprintf(`iifname "lan" oifname "lan" ct status dnat snat to %s`, public))
	}
	if h.NAT == Symmetric {
		out = append(out,
			`oifname "wan" meta l4proto udp ip daddr `+servers4+` masquerade to :1024-32767 fully-random`,
			`oifname "wan" meta l4proto udp masquerade to :32768-65535 fully-random`,
			`oifname "wan" masquerade fully-random`)
	} else {
		out = append(out, `oifname "wan" masquerade`)
	}
	return fmt.Sprintf(`
table ip translation {
	map ports { type inet_service : ipv4_addr; flags dynamic,timeout; timeout 5m; size 65535; }
	set asked { type ipv4_addr; flags dynamic,timeout; timeout 5m; size 65535; }
	chain remember {
		type filter hook forward priority 1; policy accept;
		iifname "lan" oifname "wan" %s
		iifname "lan" oifname "wan" meta l4proto udp update @ports { udp sport : ip saddr } update @asked { ip daddr }
	}
	chain refuse {
		type filter hook input priority 0; policy accept;
		iifname "wan" ct state new drop
	}
	chain in {
		type nat hook prerouting priority dstnat; policy accept;
		%s
	}
	chain out {
		type nat hook postrouting priority srcnat; policy accept;
		%s
	}
}`, markRule, strings.Join(in, "\n\t\t"), strings.Join(out, "\n\t\t"))
}
