// Package status is what the signaling server shows to people: one page, for a
// phone's browser as much as for a desktop's, that says that the server is
// running and what URL to put into the game. It needs no script and nothing from
// outside, and its Content-Security-Policy allows neither.
package status
