package core

import (
	"fmt"

	"unityp2p/core/badnet"
)

// Conditions are what a room's network does to datagrams; the zero value is:
// nothing. PathConditions are those of one direction.
type (
	Conditions     = badnet.Conditions
	PathConditions = badnet.Path
)

// SetConditions makes the network of this room a bad one, from the next datagram
// on, until it is called again: for trying a game before its players do. It acts on
// every UDP datagram between this room and other members or TURN and STUN servers,
// that is on each connection twice if both ends do it. Signaling, and connections to
// a TURN server over TCP or TLS, stay as they are.
func (r *Room) SetConditions(c Conditions) error {
	if err := r.engine.SetConditions(c); err != nil {
		return fmt.Errorf("core: network conditions: %w", err)
	}
	return nil
}
