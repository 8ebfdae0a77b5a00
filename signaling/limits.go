package signaling

import (
	"math"
	"time"
)

// Limits bound what strangers may cost. In every field 0 means the default, and
// a negative number means no limit. docs/protocol.md says what a client sees
// when it meets one; [Refusal] names each.
type Limits struct {
	// Connections is how many sockets there may be at once. 0: 50 000.
	Connections int
	// ConnectionsPerAddress is how many of them may come from one IP address, or
	// from one /64 of IPv6. 0: 256 from a public address, and no limit for
	// loopback and private ones, behind which there is a proxy or one's own
	// network. Behind a proxy, set Config.TrustedProxies as well.
	ConnectionsPerAddress int
	// Waiting is how many connections may be open that have not become sockets
	// yet, or never will. One more ends the oldest of them. 0: 4096. It counts
	// only under Server.HTTPServer.
	Waiting int
	// Handshake is how long a connection may take to become a socket. 0: 10 s.
	// It counts only under Server.HTTPServer.
	Handshake time.Duration
	// Idle is how long a socket may stay that neither listens nor has a link nor
	// asks for one. It is looked at with each ping. 0: 5 min.
	Idle time.Duration

	// Rooms is how many addresses may be listened on in all. 0: 50 000.
	Rooms int
	// Links is how many links there may be in all. 0: 500 000.
	Links int
	// LinksPerPeer is how many links one socket may have asked for, and how many
	// it may have been given as a listener. 0: 16384, as many as there are ids.
	LinksPerPeer int

	// FramesPerSecond is how many frames one socket may send, on average over
	// four seconds. One that sends more is read more slowly, and one that does so
	// for half a minute is closed. 0: 10 000.
	FramesPerSecond int
	// BytesPerSecond is the same for bytes. 0: 4 MiB.
	BytesPerSecond int
	// Message is how long a message may take from its first byte to its last.
	// 0: 30 s.
	Message time.Duration
	// Slow is how long a socket for which much waits may take to read 256 KiB of
	// it. Those who send to it are held back meanwhile. 0: 10 s.
	Slow time.Duration
	// Buffered is how many bytes may lie in the server in all: what waits for
	// sockets that do not read, and messages that are not complete yet. When
	// they are more, those sockets are closed that hold the most. 0: 128 MiB.
	Buffered int
}

// DefaultLimits returns what the zero value of Limits means.
func DefaultLimits() Limits { return Limits{}.withDefaults() }

// withDefaults returns the limits with every default filled in, and what is to
// have no limit at the highest number there is.
func (l Limits) withDefaults() Limits {
	return Limits{
		Connections:           limit(l.Connections, 50_000),
		ConnectionsPerAddress: limit(l.ConnectionsPerAddress, 256),
		Waiting:               limit(l.Waiting, 4096),
		Handshake:             limit(l.Handshake, 10*time.Second),
		Idle:                  limit(l.Idle, 5*time.Minute),
		Rooms:                 limit(l.Rooms, 50_000),
		Links:                 limit(l.Links, 500_000),
		LinksPerPeer:          limit(l.LinksPerPeer, serverIDs),
		FramesPerSecond:       limit(l.FramesPerSecond, 10_000),
		BytesPerSecond:        limit(l.BytesPerSecond, 4<<20),
		Message:               limit(l.Message, 30*time.Second),
		Slow:                  limit(l.Slow, 10*time.Second),
		Buffered:              limit(l.Buffered, 128<<20),
	}
}

// limit returns what a field of Limits means.
func limit[T int | time.Duration](set, standard T) T {
	switch {
	case set == 0:
		return standard
	case set < 0:
		return T(math.MaxInt)
	}
	return set
}
