package link

import (
	"time"

	"github.com/pion/datachannel"
)

// stream carries the packets of one channel: a data channel of pion's.
type stream interface {
	// Read takes one packet. If it does not fit, it stays, and the error is
	// io.ErrShortBuffer.
	Read(p []byte) (int, error)
	// Write queues one packet; a copy of it.
	Write(p []byte) (int, error)
	// BufferedAmount is how much of what was written the other side has not
	// acknowledged.
	BufferedAmount() uint64
	// OnBufferedAmountLow calls f when that falls to the threshold.
	OnBufferedAmountLow(f func())
	SetBufferedAmountLowThreshold(threshold uint64)
	// SetReadDeadline bounds Read; the zero time does not.
	SetReadDeadline(t time.Time) error
}

var _ stream = (*datachannel.DataChannel)(nil)
