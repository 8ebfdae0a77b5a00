// Package turn is a STUN and TURN server (RFC 8489, RFC 8656) for the players of
// one signaling server: it tells them their public addresses, and relays for
// those who cannot reach each other otherwise.
//
// Whoever is let in by the signaling server gets credentials that are good for
// some time; see [Server.ICEServers]. Nobody else can relay, and nobody can relay
// into networks that are not the internet's.
package turn
