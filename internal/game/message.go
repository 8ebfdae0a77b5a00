package game

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"
)

// A message: its number, when it was sent, a hash, and filling. The hash of a
// reliable message is one over all that went before in the same direction of the
// same pair (each over the one before and the message); that of an unreliable one
// is over itself.
const (
	numberAt = 0
	sentAt   = 8
	hashAt   = 16
	bodyAt   = hashAt + sha256.Size // and the least that a message has
)

// chain is one direction of one channel of a pair.
type chain struct {
	number uint64
	hash   [sha256.Size]byte
}

// next writes the message that follows, and returns the chain with it.
func (c chain) next(message []byte, sent time.Duration, reliable bool) chain {
	c.number++
	binary.BigEndian.PutUint64(message[numberAt:], c.number)
	binary.BigEndian.PutUint64(message[sentAt:], uint64(sent))
	for i := bodyAt; i < len(message); i++ {
		message[i] = byte(c.number + uint64(i))
	}
	c.hash = c.over(message, reliable)
	copy(message[hashAt:], c.hash[:])
	return c
}

func (c chain) over(message []byte, reliable bool) (hash [sha256.Size]byte) {
	h := sha256.New()
	if reliable {
		h.Write(c.hash[:])
	}
	h.Write(message[:hashAt])
	h.Write(message[bodyAt:])
	h.Sum(hash[:0])
	return hash
}

// accept takes a message that came, and says when it was sent.
func (c *chain) accept(message []byte, reliable bool) (number uint64, sent time.Duration, err error) {
	if len(message) < bodyAt {
		return 0, 0, fmt.Errorf("a message of %d bytes", len(message))
	}
	number = binary.BigEndian.Uint64(message[numberAt:])
	sent = time.Duration(binary.BigEndian.Uint64(message[sentAt:]))
	hash := c.over(message, reliable)
	if reliable && number != c.number+1 {
		return number, sent, fmt.Errorf("number %d after %d", number, c.number)
	}
	if hash != [sha256.Size]byte(message[hashAt:bodyAt]) {
		return number, sent, fmt.Errorf("number %d is not what was sent", number)
	}
	c.number, c.hash = number, hash
	return number, sent, nil
}
