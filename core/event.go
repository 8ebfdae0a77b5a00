package core

import "fmt"

// ConnID names a connection within one Host or Client. The low 16 bits (1 to
// 32767) are reused after the connection's end, the longest unused first; the
// high 16 bits count the reuses. 0 names none.
type ConnID uint32

// MemberID names a member in the whole room: the first 8 bytes of the SHA-256
// fingerprint of its DTLS certificate, so nobody can take another's. (Who is reached
// through the host, PathViaHost, is who the host says.)
type MemberID uint64

// String returns the id as 16 hexadecimal digits.
func (m MemberID) String() string { return fmt.Sprintf("%016x", uint64(m)) }

// EventType says what an Event reports. The numbers are those of include/p2p.h.
type EventType uint32

// The types of events.
const (
	RoomOpen     EventType = 1 // host: the name is ours, now or again
	RoomTrouble  EventType = 2 // Code and Text say what; tried again unless Final
	Connected    EventType = 3 // a member is here
	Disconnected EventType = 4 // the last event of that connection; Code says why
	Message      EventType = 5 // data from a member
	Unreachable  EventType = 6 // nothing heard from it for Config.UnreachableAfter
	Reachable    EventType = 7 // heard from it again
	PathChanged  EventType = 9 // the connection goes on between other addresses: Stats has them
)

// Event is one thing that happened in a room.
//
// Order: a connection's Connected comes before its first Message, messages of
// one channel in order, and Disconnected exactly once, after its last Message.
type Event struct {
	Type   EventType
	Conn   ConnID   // zero for events of the room itself
	Member MemberID // who, room-wide
	Code   Code     // RoomTrouble, Disconnected
	Text   string   // RoomTrouble: a sentence for a log
	Data   []byte   // Message

	Reliable bool // Message: came on the reliable channel
	Final    bool // RoomTrouble: not tried again
	Original bool // Connected: a peer of the original UnityP2P, or a browser
	Host     bool // Connected: this member hosts the room

	MaxReliable   int // Connected: largest reliable message that it takes
	MaxUnreliable int // Connected: largest unreliable message that it takes
}

// A Sink takes a room's events as they come, instead of Next.
//
// Its methods are called by several goroutines at once, for one connection by
// one at a time and in order (its two channels may interleave). They must not
// block. After Close returned, none is called any more.
type Sink interface {
	// Deliver takes events. The slice and every Data are valid only during
	// the call. Reliable messages count against Config.ReceiveBuffer until
	// they are given to Release; a Sink bounds unreliable ones itself.
	Deliver(events []Event)
	// Sent says that so many bytes which Send or Broadcast accepted for conn
	// left the send buffer: sent, or (unreliable) dropped.
	Sent(conn ConnID, reliable bool, bytes int)
}
