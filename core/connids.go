package core

// connIDs hands out connection ids: the index that has been free the longest,
// with a count of its uses, so that a late call cannot hit somebody else.
type connIDs struct {
	free []uint16 // oldest first
	next uint16   // never used so far
	uses map[uint16]uint16
}

const maxConnIndex = 32767 // the original's ids are positive 16-bit numbers

// take returns an id, or false if all are in use.
func (c *connIDs) take() (ConnID, bool) {
	if c.uses == nil {
		c.uses = make(map[uint16]uint16)
	}
	var index uint16
	switch {
	case c.next < maxConnIndex:
		c.next++
		index = c.next
	case len(c.free) > 0:
		index = c.free[0]
		c.free = c.free[1:]
	default:
		return 0, false
	}
	uses := c.uses[index]
	c.uses[index]++
	return ConnID(uint32(uses)<<16 | uint32(index)), true
}

// give returns an id.
func (c *connIDs) give(id ConnID) {
	c.free = append(c.free, uint16(id&0xffff))
}
