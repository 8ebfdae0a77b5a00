package wire

import "encoding/binary"

// RelayWindow is how much of the reliable packets of a connection, by RelayCost,
// the host takes from one side before its first relay credit. What it allows in
// all is this beyond what it has passed on.
const RelayWindow = 256 << 10

// RelayCost is what a relayed packet of n bytes counts.
func RelayCost(n int) int { return n + MessageCost }

// MaxRoute bounds the numbers of connections that we draw: three bytes.
const MaxRoute = 1<<21 - 1

// A relayed packet is a packet of the connection between two members, with the
// member flag set and, behind its first byte, the member and the route.

// AppendRelayed makes a relayed packet of a plain one.
func AppendRelayed(dst []byte, member, route uint64, packet []byte) []byte {
	dst = append(dst, packet[0]|memberFlag)
	dst = binary.LittleEndian.AppendUint64(dst, member)
	dst = binary.AppendUvarint(dst, route)
	return append(dst, packet[1:]...)
}

// Relayed reports whether p is a relayed packet. What it carries is not looked
// at.
func Relayed(p []byte) bool { return len(p) > 0 && p[0]&memberFlag != 0 }

// RelayedBy reads for, or from, whom a relayed packet is.
func RelayedBy(p []byte) (member, route uint64, ok bool) {
	if !Relayed(p) || p[0]>>4 != Version || len(p) > MaxPacket {
		return 0, 0, false
	}
	member, route, _, ok = cutRelayed(p[1:])
	return member, route, ok
}

// Readdress puts another member into a relayed packet, in place.
func Readdress(p []byte, member uint64) { binary.LittleEndian.PutUint64(p[1:9], member) }

// Unrelayed makes a relayed packet a plain one again, in place.
func Unrelayed(p []byte) []byte {
	_, _, rest, _ := cutRelayed(p[1:])
	plain := p[len(p)-len(rest)-1:]
	plain[0] = p[0] &^ memberFlag
	return plain
}

// cutRelayed takes the member and the route off a packet behind its first byte.
func cutRelayed(p []byte) (member, route uint64, rest []byte, ok bool) {
	if len(p) < 8 {
		return 0, 0, nil, false
	}
	member = binary.LittleEndian.Uint64(p)
	route, rest, ok = uvarint(p[8:])
	return member, route, rest, ok && member != 0
}
