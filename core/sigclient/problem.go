package sigclient

import (
	"errors"
	"fmt"

	"github.com/gorilla/websocket"
)

// Problem says what kind of failure it was.
type Problem int

// The kinds of failures.
const (
	Unreachable      Problem = iota // no answer
	TokenRefused                    // the server does not accept the token
	Refused                         // it answered, but is no signaling server, or not at this path
	Lost                            // an open connection broke
	WrongCertificate                // its certificate is not the pinned one, or not trusted
	Limited                         // a limit of the server; later it may be otherwise
	Ended                           // the server ended the connection for good: not tried again
	Again                           // not to be reported: it is tried again at once, in another way
)

// Error is why a connection ended or did not come about. Its text never holds
// the token.
type Error struct {
	Problem Problem
	Err     error
	reason  string // the server's words
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Close codes from 3000 on are the server's own, and their range says whether to
// connect again, as with other servers of this kind (centrifugo has the same).
func forLater(code int) bool { return code >= 3000 && code < 3500 || code >= 4000 && code < 4500 }
func forGood(code int) bool  { return code >= 3500 && code < 4000 || code >= 4500 && code < 5000 }

// closeError tells a refusal from a loss: servers of this protocol refuse by
// closing a socket that they accepted.
func closeError(err error, heard bool) *Error {
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		return &Error{Problem: Lost, Err: fmt.Errorf("the connection to the signaling server broke: %w", err)}
	}
	because := ""
	if closed.Text != "" {
		because = fmt.Sprintf(" (%q)", closed.Text)
	}
	switch code := closed.Code; {
	case code == websocket.ClosePolicyViolation:
		return &Error{TokenRefused, fmt.Errorf("the signaling server refused the token%s", because), closed.Text}
	case code == websocket.CloseNoStatusReceived && !heard:
		return &Error{Problem: Refused, Err: errors.New("the signaling server knows no such path")}
	case code == websocket.CloseGoingAway || code == websocket.CloseServiceRestart:
		return &Error{Problem: Lost, Err: errors.New("the signaling server is shutting down or restarting")}
	case forLater(code):
		return &Error{Limited, fmt.Errorf("the signaling server ended the connection for now: %d%s", code, because), closed.Text}
	case forGood(code):
		return &Error{Ended, fmt.Errorf("the signaling server ended the connection for good: %d%s", code, because), closed.Text}
	}
	return &Error{Problem: Lost, Err: fmt.Errorf("the connection to the signaling server broke: %w", err)}
}
