package signaling

import "math/bits"

// Ids that the server gives to incoming links.
const (
	firstServerID = 16384
	lastServerID  = 32767
	serverIDs     = lastServerID - firstServerID + 1
)

// ids knows which of the server's ids are in use on one socket. Ids are given
// in order; after the last, those that are free again. A connector may choose
// ids of this range as well, so all ids are noted here.
type ids struct {
	used [serverIDs / 64]uint64
	next int // where to look first
}

// take returns a free id and notes that it is used. Its cost does not depend on
// how many are used or which, beyond the 256 words: links are cheap to ask for.
func (s *ids) take() (int16, bool) {
	word, bit := s.next/64, s.next%64
	// The first word comes up twice: first from bit on, at last all of it.
	free := ^s.used[word] &^ (1<<bit - 1)
	for range len(s.used) {
		if free != 0 {
			break
		}
		word = (word + 1) % len(s.used)
		free = ^s.used[word]
	}
	if free == 0 {
		return 0, false
	}
	n := word*64 + bits.TrailingZeros64(free)
	s.next = (n + 1) % serverIDs
	id := int16(firstServerID + n)
	s.use(id)
	return id, true
}

// use notes that an id is used.
func (s *ids) use(id int16) {
	if id >= firstServerID {
		n := int(id) - firstServerID
		s.used[n/64] |= 1 << (n % 64)
	}
}

// free notes that an id is not used any more.
func (s *ids) free(id int16) {
	if id >= firstServerID {
		n := int(id) - firstServerID
		s.used[n/64] &^= 1 << (n % 64)
	}
}
