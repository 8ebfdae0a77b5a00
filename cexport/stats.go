package main

/*
#include "bridge.h"
*/
import "C"

import (
	"time"

	"unityp2p/core"
)

// statsInterval is how often statistics are gathered while somebody asks.
const statsInterval = 250 * time.Millisecond

// watchStats keeps a handle's statistics fresh until nobody has asked for a
// while, or the handle is disposed.
func watchStats(r room, h C.P2P_Handle) {
	ticker := time.NewTicker(statsInterval)
	defer ticker.Stop()
	var all []core.Stats
	for C.bridge_stats_wanted(h) != 0 {
		all = r.Stats(all[:0])
		for i := range all {
			c := convert(&all[i])
			C.bridge_stats(h, C.uint32_t(all[i].Conn), &c)
		}
		<-ticker.C
	}
}

func convert(s *core.Stats) C.P2P_Stats {
	c := C.P2P_Stats{
		path: C.uint32_t(s.Path), rtt_us: C.uint32_t(s.RTT.Microseconds()),
		connected_ms: C.uint32_t(s.Connecting.Milliseconds()), member: C.uint64_t(s.Member),
		bytes_sent: C.uint64_t(s.BytesSent), bytes_received: C.uint64_t(s.BytesReceived),
		messages_sent: C.uint64_t(s.MessagesSent), messages_received: C.uint64_t(s.MessagesReceived),
		unsent_bytes: C.uint64_t(s.Unsent), dropped_sent: C.uint64_t(s.Dropped),
		passed_bytes: C.uint64_t(s.PassedOn), passed_dropped: C.uint64_t(s.PassedOnDropped),
	}
	put := func(dst []C.char, text string) {
		for i := 0; i < len(text) && i < len(dst)-1; i++ {
			dst[i] = C.char(text[i])
		}
	}
	put(c.local_candidate[:], s.LocalCandidate)
	put(c.remote_candidate[:], s.RemoteCandidate)
	return c
}
