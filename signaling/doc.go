// Package signaling is the signaling server: peers meet here by address, and
// it passes on what they say until they are connected directly. It speaks the
// protocol of the original "WebRTC Network" server on the wire, and can take
// its place under existing games.
//
// A [Server] is an http.Handler: put it behind any http.Server. It knows
// nothing of WebRTC.
package signaling
