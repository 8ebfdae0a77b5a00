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
	used  []uint64 // bits; words beyond the last are 0. Most sockets need none
	count int      // of bits that are set
	next  int      // where to look first
}

const idWords = serverIDs / 64

func (s *ids) word(i int) uint64 {
	if i < len(s.used) {
		return s.used[i]
	}
	return 0
}

// take returns a free id and notes that it is used. Its cost does not depend on
// how many are used or which, beyond the 256 words: links are cheap to ask for.
func (s *ids) take() (int16, bool) {
	word, bit := s.next/64, s.next%64
	// The first word comes up twice: first from bit on, at last all of it.
	free := ^s.word(word) &^ (1<<bit - 1)
	for range idWords {
		if free != 0 {
			break
		}
		word = (word + 1) % idWords
		free = ^s.word(word)
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
	if id < firstServerID {
		return
	}
	n := int(id) - firstServerID
	for len(s.used) <= n/64 {
		s.used = append(s.used, 0)
	}
	if bit := uint64(1) << (n % 64); s.used[n/64]&bit == 0 {
		s.used[n/64] |= bit
		s.count++
	}
}

// free notes that an id is not used any more.
func (s *ids) free(id int16) {
	if id < firstServerID {
		return
	}
	n := int(id) - firstServerID
	if bit := uint64(1) << (n % 64); s.word(n/64)&bit != 0 {
		s.used[n/64] &^= bit
		s.count--
	}
	if s.count == 0 {
		s.used = nil
	}
}
