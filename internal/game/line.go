package game

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"unityp2p/core"
)

// Config is what a player is started with: JSON, as its only argument.
type Config struct {
	Host                              bool
	Signaling                         string
	ICEServers                        []core.ICEServer
	UnreachableAfter, DisconnectAfter time.Duration
}

// Commands, one a line. Traffic takes the reliable messages' rate a second and
// size, then the unreliable ones'; a rate of 0 is none, and Flat out as many as
// the room takes. It begins all counting of latencies and silences anew.
const (
	Traffic = "traffic"
	Rest    = "rest"    // sends no more
	Report  = "report"  // answered by a Line of the same name
	Steady  = "steady"  // takes a time of Now; answered by a Line of the same name once all is heard since, and has been for a while
	Measure = "measure" // answered by a Line of the same name, after collecting garbage
	FlatOut = -1
)

// Play is what the networks of docs/networks.md are judged by.
const Play = Traffic + " 60 200 60 200"

// Line is what a player says. Its Event is that of core in lower case, or one of
// those below.
type Line struct {
	Event  string
	At     time.Duration // of Now
	Member string        `json:",omitempty"` // whom it is about; with Here oneself
	Host   bool          `json:",omitempty"`
	Text   string        `json:",omitempty"`

	From    time.Duration `json:",omitempty"` // Gap: until At
	Channel string        `json:",omitempty"` // Gap: one of those below

	Pairs map[string]Pair `json:",omitempty"` // Report: by member

	Goroutines int    `json:",omitempty"` // Measure
	Heap       uint64 `json:",omitempty"` // Measure: bytes in use
	Resident   uint64 `json:",omitempty"` // Measure: bytes
}

// Events of the game itself.
const (
	Here   = "here"   // the player's first words
	Gap    = "gap"    // nothing came for longer than ShortestGap
	Broken = "broken" // a message that must not be
	Failed = "failed" // the player cannot go on
	Log    = "log"    // a line of core's log
)

// Channels of a Gap.
const (
	Reliable   = "reliable"
	Unreliable = "unreliable"
	Any        = "any" // nothing on either
)

// ShortestGap is what a player says nothing of.
const ShortestGap = 200 * time.Millisecond

// Pair is what a player knows of itself and another.
type Pair struct {
	Path, Local, Remote  string
	Connecting, RTT      time.Duration
	Dropped              uint64 // unreliable messages, before they were sent
	Reliable, Unreliable Flow
}

// Flow is one channel of a pair.
type Flow struct {
	Sent, Got          uint64 // since they connected
	Counted            uint64 // got since Traffic, as is what follows
	P50, P95, P99, Max time.Duration
	Late               uint64 // took longer than a second
}

// String is for logs.
func (f Flow) String() string {
	return fmt.Sprintf("p50 %v p95 %v p99 %v max %v", f.P50, f.P95, f.P99, f.Max.Round(time.Millisecond))
}

// Worse returns of each latency the larger.
func (f Flow) Worse(other Flow) Flow {
	return Flow{
		P50: max(f.P50, other.P50), P95: max(f.P95, other.P95),
		P99: max(f.P99, other.P99), Max: max(f.Max, other.Max),
	}
}

// speaker writes lines, by any goroutine.
type speaker struct {
	mu  sync.Mutex
	out *json.Encoder
}

func newSpeaker(w io.Writer) *speaker { return &speaker{out: json.NewEncoder(w)} }

// Write takes lines of a log.
func (s *speaker) Write(line []byte) (int, error) {
	s.say(Line{Event: Log, Text: strings.TrimSpace(string(line))})
	return len(line), nil
}

func (s *speaker) say(l Line) {
	if l.At == 0 {
		l.At = Now()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.out.Encode(l) // who listens no more has ended us
}
