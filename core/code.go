package core

import (
	"errors"
	"fmt"
)

// Code says why something happened. The numbers are those of include/p2p.h.
type Code int32

// Troubles of a room. All but those of events with Final set are retried.
const (
	RoomTaken        Code = 101 // another host holds the name
	Unavailable      Code = 102 // the signaling server does not answer
	TokenRefused     Code = 103 // the signaling server refused the token
	Refused          Code = 104 // it answered, but not as a signaling server does
	NoHost           Code = 105 // nobody hosts this room yet
	SignalingLost    Code = 106 // the connection to the signaling server broke
	ConnectFailed    Code = 107 // no network path to a member was found
	AddressInUse     Code = 108 // embedded signaling: the port is taken
	ListenFailed     Code = 109 // embedded signaling: the system refuses the address
	RemovedByHost    Code = 110 // the host removed us from the room
	RoomFull         Code = 111 // the host takes no more members
	InternalFailed   Code = 112 // the engine could not start
	WrongCertificate Code = 113 // the signaling server's certificate is not trusted, or not the pinned one
	NotAllowed       Code = 114 // the token does not allow to host or join this room
	Limited          Code = 115 // a limit of the signaling server
	SignalingEnded   Code = 116 // the signaling server does not want us back
)

// Reasons for a connection's end.
const (
	Left     Code = 201 // it said goodbye
	Removed  Code = 202 // the other side or the host removed it
	Local    Code = 203 // we disconnected it
	TimedOut Code = 204 // silent for longer than Config.DisconnectAfter
	Closed   Code = 205 // closed without a goodbye
	Protocol Code = 206 // it broke the protocol
	Replaced Code = 207 // the same member connected anew
)

// String says in a few words what the code means.
func (c Code) String() string {
	texts := map[Code]string{
		RoomTaken: "another host holds the room", Unavailable: "the signaling server does not answer",
		TokenRefused: "the signaling server refused the token", Refused: "no signaling server at that address",
		NoHost: "nobody hosts the room", SignalingLost: "the connection to the signaling server broke",
		ConnectFailed: "no network path", AddressInUse: "the port is taken", ListenFailed: "cannot listen there",
		RemovedByHost: "removed by the host", RoomFull: "the room is full", InternalFailed: "the engine could not start",
		WrongCertificate: "the signaling server's certificate is not trusted", NotAllowed: "the token does not allow that",
		Limited: "a limit of the signaling server", SignalingEnded: "the signaling server does not want us back",
		Left: "left", Removed: "removed", Local: "disconnected here", TimedOut: "timed out",
		Closed: "connection closed", Protocol: "broke the protocol", Replaced: "connected anew",
	}
	if text, ok := texts[c]; ok {
		return text
	}
	return fmt.Sprintf("code %d", int32(c))
}

// What sending may answer.
var (
	// ErrNotConnected is returned for a connection that does not exist (any more).
	ErrNotConnected = errors.New("core: not connected to that member")
	// ErrTooLarge is returned for a message larger than the other side takes.
	ErrTooLarge = errors.New("core: message larger than the other side takes")
	// ErrWouldBlock is returned when the send buffer is full; nothing was queued.
	ErrWouldBlock = errors.New("core: send buffer full; try again later")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("core: closed")
)
