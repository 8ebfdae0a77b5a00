package game

import "time"

// histogram counts latencies, a millisecond each. It is as large at the end of a
// long game as at its beginning.
type histogram struct {
	counts [20_001]uint32 // the last: all that is longer
	total  uint64
	most   time.Duration
}

func (h *histogram) add(d time.Duration) {
	i := min(max(int(d/time.Millisecond), 0), len(h.counts)-1)
	h.counts[i]++
	h.total++
	h.most = max(h.most, d)
}

// percentile returns what so many percent were not above, rounded up to a
// millisecond; 0 if there were none.
func (h *histogram) percentile(percent float64) time.Duration {
	wanted := max(uint64(float64(h.total)*percent/100+0.5), 1)
	var seen uint64
	for i, n := range h.counts[:len(h.counts)-1] {
		if seen += uint64(n); seen >= wanted {
			return time.Duration(i+1) * time.Millisecond
		}
	}
	return h.most
}
