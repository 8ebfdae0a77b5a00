//go:build linux

package netlab

import (
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"sync"
)

// Possible says why no lab can be made on this machine, nil if one can: it takes
// root, or at least the right to make network namespaces, TUN interfaces and NAT
// rules, and the programs ip and nft.
var Possible = sync.OnceValue(func() error {
	for program, from := range map[string]string{"ip": "iproute2", "nft": "nftables"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("no %s (Debian: apt-get install %s)", program, from)
		}
	}
	n, err := newNamespace()
	if err != nil {
		return err
	}
	defer n.close()
	file, err := n.tun("probe")
	if err != nil {
		return err
	}
	_ = file.Close()
	return errors.Join(
		n.forward(),
		n.forget(netip.Addr{}),
		n.nft(Home{NAT: Symmetric, Hairpin: true}.rules("203.0.113.1")),
	)
})
