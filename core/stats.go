package core

import "time"

// Path says how two members reach each other.
type Path uint32

// The kinds of paths, all but the last by the candidate types of RFC 8445.
const (
	PathNone  Path = iota
	PathHost       // direct, between the members' own addresses
	PathSrflx      // direct, through a NAT mapping that STUN told
	PathPrflx      // direct, through a NAT mapping that the checks found
	PathRelay      // through a TURN server

	PathViaHost // through the room's host: two clients that do not reach each other
)

// String returns the candidate type's name in RFC 8445's terms.
func (p Path) String() string {
	names := [...]string{"none", "host", "srflx", "prflx", "relay", "via host"}
	if int(p) < len(names) {
		return names[p]
	}
	return "unknown"
}

// Stats describes one connection.
type Stats struct {
	Conn             ConnID
	Member           MemberID
	Path             Path
	LocalType        Path          // of our candidate; a pair is as far from direct as its worse end
	RemoteType       Path          // of the other side's
	LocalCandidate   string        // "192.0.2.1:40000"
	RemoteCandidate  string        //
	RTT              time.Duration // smoothed; 0: not known yet
	Connecting       time.Duration // from the first offer to the open connection
	BytesSent        uint64        // payloads
	BytesReceived    uint64
	MessagesSent     uint64
	MessagesReceived uint64
	Unsent           uint64 // bytes accepted and not yet acknowledged by the other side's transport
	Dropped          uint64 // unreliable messages dropped before sending
	PassedOn         uint64 // host: bytes from other clients that were passed on to this one
	PassedOnDropped  uint64 // host: unreliable packets of theirs that were dropped, being late or too many
}
