//go:build linux

package netlab

import "net/netip"

// IP protocol numbers.
const (
	protocolTCP = 6
	protocolUDP = 17
)

// maxPacket is what an interface with the usual MTU of 1500 can bring.
const maxPacket = 2048

// protocol returns the IP protocol of a packet, 0 if it has none.
func protocol(packet []byte) byte {
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4:
		return packet[9]
	case len(packet) >= 40 && packet[0]>>4 == 6:
		return packet[6]
	}
	return 0
}

// destination returns where a packet wants to go.
func destination(packet []byte) (netip.Addr, bool) {
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4:
		return netip.AddrFromSlice(packet[16:20])
	case len(packet) >= 40 && packet[0]>>4 == 6:
		return netip.AddrFromSlice(packet[24:40])
	}
	return netip.Addr{}, false
}
