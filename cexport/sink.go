package main

/*
#include "bridge.h"
*/
import "C"

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"unityp2p/core"
)

// sink puts a room's events into the inbox of its handle.
type sink struct {
	handle C.P2P_Handle
	room   atomic.Pointer[room] // set once it is made; events may come before
}

// batch is the memory of one call into the bridge: records, and the payloads
// that they point into. Neither holds pointers, as cgo wants it.
type batch struct {
	records []C.struct_event_record
	data    []byte
}

// batches are reused, so that a message allocates nothing here.
var batches = sync.Pool{New: func() any { return new(batch) }}

// direct is the size from which a payload is copied by C alone, not first into
// a batch.
const direct = 8 << 10

// Deliver implements core.Sink.
func (s *sink) Deliver(events []core.Event) {
	b, _ := batches.Get().(*batch)
	cost := uint64(len(events)) * core.MessageCost
	for i := range events {
		e := &events[i]
		cost += uint64(len(e.Data))
		if len(e.Data) >= direct {
			s.put(b)
			b.records = append(b.records, record(e, 0, len(e.Data)))
			s.putAt(b, e.Data)
			continue
		}
		offset := len(b.data)
		if e.Type == core.RoomTrouble {
			b.data = append(b.data, e.Text...)
		} else {
			b.data = append(b.data, e.Data...)
		}
		b.records = append(b.records, record(e, offset, len(b.data)-offset))
	}
	s.put(b)
	batches.Put(b)
	moved.Add(cost)
}

// put empties the batch into the bridge.
func (s *sink) put(b *batch) { s.putAt(b, b.data) }

func (s *sink) putAt(b *batch, data []byte) {
	if len(b.records) == 0 {
		return
	}
	base := (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(data)))
	result := C.bridge_put(s.handle, &b.records[0], C.uint32_t(len(b.records)), base)
	if r := s.room.Load(); result == C.P2P_ERR_NO_MEMORY && r != nil {
		// A connection that lost a message must not seem whole.
		_ = (*r).Disconnect(core.ConnID(b.records[0].connection))
	}
	b.records, b.data = b.records[:0], b.data[:0]
}

func record(e *core.Event, offset, length int) C.struct_event_record {
	r := C.struct_event_record{
		_type: C.uint32_t(e.Type), connection: C.uint32_t(e.Conn), code: C.int32_t(e.Code),
		member: C.uint64_t(e.Member), offset: C.uint32_t(offset), length: C.uint32_t(length),
		max_reliable: C.uint32_t(e.MaxReliable), max_unreliable: C.uint32_t(e.MaxUnreliable),
	}
	for _, f := range [...]struct {
		set  bool
		flag C.uint32_t
	}{
		{e.Reliable, C.P2P_EVENT_FLAG_RELIABLE},
		{e.Final, C.P2P_EVENT_FLAG_FINAL},
		{e.Original, C.P2P_EVENT_FLAG_ORIGINAL},
		{e.Host, C.P2P_EVENT_FLAG_HOST},
	} {
		if f.set {
			r.flags |= f.flag
		}
	}
	return r
}

// Sent implements core.Sink.
func (s *sink) Sent(conn core.ConnID, reliable bool, cost int) {
	giveBack(s.handle, conn, reliable, cost)
}

// trouble reports what keeps the engine from starting, or from going on.
func (s *sink) trouble(code core.Code, why string, final bool) {
	s.Deliver([]core.Event{{Type: core.RoomTrouble, Code: code, Text: why, Final: final}})
}

// listening reports the port of the embedded signaling server.
func (s *sink) listening(port int) {
	s.Deliver([]core.Event{{Type: core.EventType(C.P2P_EVENT_SIGNALING_OPEN), Code: core.Code(port)}})
}
