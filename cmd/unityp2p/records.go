package main

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"unityp2p/core"
)

// records writes what happens for programs: an object a line. Fields are only
// added, never renamed.
type records struct {
	began time.Time

	mu  sync.Mutex // events and the answers to /stats come from two goroutines
	out *json.Encoder
}

// record is one line. Times are in milliseconds.
type record struct {
	Event    string      `json:"event"` // open, trouble, connected, disconnected, message, unreachable, reachable, path, stats, complaint
	After    float64     `json:"after"` // since the program began
	ID       uint32      `json:"id,omitempty"`
	Member   string      `json:"member,omitempty"`
	Host     bool        `json:"host,omitempty"`
	Code     string      `json:"code,omitempty"`
	Text     string      `json:"text,omitempty"` // of a message too; what is no UTF-8 in it is replaced
	Reliable bool        `json:"reliable,omitempty"`
	Link     *linkRecord `json:"link,omitempty"` // connected and stats: how the member is reached
}

// linkRecord describes one connection.
type linkRecord struct {
	Path             string    `json:"path"` // host, srflx, prflx, relay or via host
	Local            candidate `json:"local"`
	Remote           candidate `json:"remote"`
	RTT              float64   `json:"rtt"`        // 0: not known yet
	Connecting       float64   `json:"connecting"` // from the first offer to the open connection
	BytesSent        uint64    `json:"bytes_sent"`
	BytesReceived    uint64    `json:"bytes_received"`
	MessagesSent     uint64    `json:"messages_sent"`
	MessagesReceived uint64    `json:"messages_received"`
	Unsent           uint64    `json:"unsent"`
	Dropped          uint64    `json:"dropped"`
	PassedOn         uint64    `json:"passed_on,omitempty"` // host: bytes from other clients to this one
	PassedOnDropped  uint64    `json:"passed_on_dropped,omitempty"`
}

type candidate struct {
	Type    string `json:"type"`
	Address string `json:"address"`
}

func newRecords(out io.Writer) *records {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return &records{began: time.Now(), out: e}
}

func (r *records) write(line record) error {
	line.After = milliseconds(time.Since(r.began))
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.Encode(line)
}

func eventName(t core.EventType) string {
	return map[core.EventType]string{
		core.RoomOpen: "open", core.RoomTrouble: "trouble",
		core.Connected: "connected", core.Disconnected: "disconnected",
		core.Message: "message", core.Unreachable: "unreachable", core.Reachable: "reachable",
		core.PathChanged: "path",
	}[t]
}

// event writes what happened, and by which path somebody came, or goes on.
func (r *records) event(e core.Event, all []core.Stats) error {
	line := record{
		Event: eventName(e.Type), ID: uint32(e.Conn) & 0xffff,
		Host: e.Host, Text: e.Text, Reliable: e.Reliable,
	}
	if e.Conn != 0 {
		line.Member = e.Member.String()
	}
	switch e.Type {
	case core.RoomTrouble, core.Disconnected:
		line.Code = e.Code.String()
	case core.Message:
		line.Text = string(e.Data)
	case core.Connected, core.PathChanged:
		for _, s := range all {
			if s.Conn == e.Conn {
				line.Link = describe(s)
			}
		}
	}
	return r.write(line)
}

// stats writes a line for each member.
func (r *records) stats(all []core.Stats) error {
	for _, s := range all {
		line := record{Event: "stats", ID: uint32(s.Conn) & 0xffff, Member: s.Member.String(), Link: describe(s)}
		if err := r.write(line); err != nil {
			return err
		}
	}
	return nil
}

func describe(s core.Stats) *linkRecord {
	return &linkRecord{
		Path:   s.Path.String(),
		Local:  candidate{s.LocalType.String(), s.LocalCandidate},
		Remote: candidate{s.RemoteType.String(), s.RemoteCandidate},
		RTT:    milliseconds(s.RTT), Connecting: milliseconds(s.Connecting),
		BytesSent: s.BytesSent, BytesReceived: s.BytesReceived,
		MessagesSent: s.MessagesSent, MessagesReceived: s.MessagesReceived,
		Unsent: s.Unsent, Dropped: s.Dropped, PassedOn: s.PassedOn, PassedOnDropped: s.PassedOnDropped,
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
