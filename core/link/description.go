package link

import (
	"errors"
	"strconv"
	"strings"

	"unityp2p/core/wire"
)

// markPrefix begins the SDP line by which own peers know each other:
// version, then capabilities (none are defined yet). Others ignore it (RFC 8866
// section 5.13).
const markPrefix = "a=unityp2p:"

func markSDP(sdp string) string {
	if !strings.HasSuffix(sdp, "\n") {
		sdp += "\r\n"
	}
	return sdp + markPrefix + strconv.Itoa(wire.Version) + " 0\r\n"
}

// sdpLines yields the value after prefix of the first line that has it.
func sdpValue(sdp, prefix string) (string, bool) {
	for line := range strings.Lines(sdp) {
		if value, ok := strings.CutPrefix(line, prefix); ok {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// ownVersion reports whether the SDP is from a peer that speaks our version.
// Peers that only speak another one meet us as original peers do.
func ownVersion(sdp string) bool {
	value, ok := sdpValue(sdp, markPrefix)
	if !ok {
		return false
	}
	version, _, _ := strings.Cut(value, " ")
	return version == strconv.Itoa(wire.Version)
}

// maxMessageSize reads RFC 8841's attribute: absent means 64 KiB, 0 any size.
func maxMessageSize(sdp string) int {
	value, ok := sdpValue(sdp, "a=max-message-size:")
	if !ok {
		return 65535
	}
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return 65535
	}
	if n == 0 || n > maxRawMessage {
		return maxRawMessage
	}
	return int(n)
}

// Bounds of what a description may ask of pion. Ours and a browser's have one
// media section and, trickling, no candidates.
const (
	maxSections   = 4
	maxCandidates = 64 // in all, also of those that come one by one
)

var (
	errTooManySections   = errors.New("too many media sections in the description")
	errTooManyCandidates = errors.New("too many candidates")
)

// checkSDP refuses a description that would cost more than a connection is
// worth. What it says is judged by pion.
func checkSDP(sdp string) error {
	sections, candidates := 0, 0
	for line := range strings.FieldsFuncSeq(sdp, func(r rune) bool { return r == '\r' || r == '\n' }) {
		switch {
		case strings.HasPrefix(line, "m="):
			sections++
		case strings.HasPrefix(line, "a=candidate:"):
			candidates++
		}
	}
	if sections > maxSections {
		return errTooManySections
	}
	if candidates > maxCandidates {
		return errTooManyCandidates
	}
	return nil
}
