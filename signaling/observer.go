package signaling

import (
	"time"

	"unityp2p/core/wire"
)

// Observer hears what goes on in a Server. Its methods are called by many
// goroutines at once, some of them while locks are held: they must not block,
// call the Server or allocate.
type Observer interface {
	// Connected: a socket was let in, to the app of this name. Disconnected
	// follows when it has ended.
	Connected(app string)
	Disconnected(app string)
	// Refused: an upgrade or a frame was refused, or a socket was ended by a
	// limit.
	Refused(why Refusal)
	// Rooms: one address more is listened on (1), or one less (-1).
	Rooms(app string, change int)
	// Links: there is one link more (1), or one less (-1).
	Links(app string, change int)
	// Received and Sent: a frame came in, or was given to a socket's queue. The
	// bytes are those of the frame.
	Received(kind wire.FrameType, bytes int)
	Sent(kind wire.FrameType, bytes int)
	// Relayed: a frame was passed on. The time is from taking it off one socket
	// to giving it to the other's.
	Relayed(wait time.Duration)
}

// nobody observes nothing.
type nobody struct{}

func (nobody) Connected(string)             {}
func (nobody) Disconnected(string)          {}
func (nobody) Refused(Refusal)              {}
func (nobody) Rooms(string, int)            {}
func (nobody) Links(string, int)            {}
func (nobody) Received(wire.FrameType, int) {}
func (nobody) Sent(wire.FrameType, int)     {}
func (nobody) Relayed(time.Duration)        {}
