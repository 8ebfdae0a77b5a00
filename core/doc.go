// Package core is the engine of UnityP2P: rooms of members that talk to each
// other directly, over WebRTC data channels.
//
// A [Host] claims a room name at a signaling server; a [Client] joins by that
// name. The host introduces its members to each other, every pair gets a
// connection of its own, and the room works on when the signaling server is
// gone.
//
// Both are created at once and report what happens as [Event] values, taken
// with Next. Everything is safe for concurrent use.
package core
