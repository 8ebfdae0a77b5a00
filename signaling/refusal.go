package signaling

import (
	"net/http"

	"github.com/gorilla/websocket"
)

// Refusal says why somebody was not let in, or was thrown out: a word for logs
// and metrics. docs/protocol.md has how the client hears of each.
type Refusal string

// The refusals that come before a socket is accepted. The client sees an HTTP
// status, and a browser that the connection failed.
const (
	RefusedClosing     Refusal = "closing"     // 503: the server is shutting down
	RefusedConnections Refusal = "connections" // 503: Limits.Connections
	RefusedAddress     Refusal = "address"     // 429: Limits.ConnectionsPerAddress
	RefusedWaiting     Refusal = "waiting"     // Limits.Waiting: closed without an answer
)

// The refusals of a socket. It is accepted and then closed, since that is how
// clients of this protocol learn why. Codes from 4000 to 4499 say: come back
// later; from 4500 to 4999: do not, it will be the same again.
const (
	RefusedToken     Refusal = "token"     // 1008 "Invalid token", or what an Access says
	RefusedPath      Refusal = "path"      // no code: no app has this path
	RefusedOrigin    Refusal = "origin"    // 4500: Config.Origins
	RefusedIdle      Refusal = "idle"      // 4001: Limits.Idle
	RefusedSlow      Refusal = "slow"      // 4002: Limits.Slow
	RefusedRooms     Refusal = "rooms"     // 4003: Limits.Rooms
	RefusedFull      Refusal = "full"      // 4004: Limits.Buffered
	RefusedMessage   Refusal = "message"   // 4005: Limits.Message
	RefusedLinks     Refusal = "links"     // 4501: Limits.LinksPerPeer
	RefusedFrames    Refusal = "frames"    // 4502: Limits.FramesPerSecond
	RefusedBytes     Refusal = "bytes"     // 4503: Limits.BytesPerSecond
	RefusedReplaced  Refusal = "replaced"  // 4504: another socket of the same host resumed its name
	RefusedSilent    Refusal = "silent"    // 1000 "Done": no pong
	RefusedTooLarge  Refusal = "toolarge"  // 1009: Config.MaxPayload
	RefusedMalformed Refusal = "malformed" // 1002, 1007: not the WebSocket protocol, or a text that is not UTF-8
)

// The refusals of one frame. The socket stays.
const (
	RefusedListen  Refusal = "listen"  // 04: the address is taken, or too long
	RefusedHosting Refusal = "hosting" // 04: the token does not allow to host there
	RefusedJoining Refusal = "joining" // 07: the token does not allow to join there
	RefusedConnect Refusal = "connect" // 07: nobody listens there, or the listener or the server has too many links
)

// Refusals returns every Refusal that there is.
func Refusals() []Refusal {
	return []Refusal{
		RefusedClosing, RefusedConnections, RefusedAddress, RefusedWaiting,
		RefusedToken, RefusedPath, RefusedOrigin, RefusedIdle, RefusedSlow, RefusedRooms, RefusedFull, RefusedMessage,
		RefusedLinks, RefusedFrames, RefusedBytes, RefusedReplaced, RefusedSilent, RefusedTooLarge, RefusedMalformed,
		RefusedListen, RefusedHosting, RefusedJoining, RefusedConnect,
	}
}

// Close codes of our own.
const (
	closeIdle    = 4001
	closeSlow    = 4002
	closeRooms   = 4003
	closeFull    = 4004
	closeMessage = 4005
	closeOrigin  = 4500
	closeLinks   = 4501
	closeFrames  = 4502
	closeBytes   = 4503
	closeResumed = 4504
)

// closing returns the code and the text with which a socket is closed that is
// refused for this reason.
func (r Refusal) closing() (code int, text string) {
	switch r {
	case RefusedToken:
		return websocket.ClosePolicyViolation, "Invalid token"
	case RefusedOrigin:
		return closeOrigin, "Origin not allowed"
	case RefusedIdle:
		return closeIdle, "Idle"
	case RefusedSlow:
		return closeSlow, "Too slow"
	case RefusedRooms:
		return closeRooms, "Too many rooms"
	case RefusedFull:
		return closeFull, "Server full"
	case RefusedMessage:
		return closeMessage, "Message took too long"
	case RefusedLinks:
		return closeLinks, "Too many links"
	case RefusedFrames:
		return closeFrames, "Too many frames"
	case RefusedBytes:
		return closeBytes, "Too many bytes"
	case RefusedReplaced:
		return closeResumed, "Resumed by another socket"
	case RefusedSilent:
		return websocket.CloseNormalClosure, "Done"
	case RefusedMalformed:
		return websocket.CloseInvalidFramePayloadData, ""
	}
	return websocket.CloseNoStatusReceived, ""
}

// status returns the HTTP status with which an upgrade is refused, and 0 if it
// is accepted first.
func (r Refusal) status() int {
	switch r {
	case RefusedClosing, RefusedConnections:
		return http.StatusServiceUnavailable
	case RefusedAddress:
		return http.StatusTooManyRequests
	}
	return 0
}
