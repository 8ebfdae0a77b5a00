// Package wire encodes and decodes what goes over the network: the frames of
// the signaling protocol, the offers, answers and candidates inside them, and
// the packets and control messages between our own peers (docs/protocol.md).
//
// It does no I/O. Every decoder checks every length before it uses it and
// returns slices of its input; nothing is allocated per message.
package wire
