package link

import "time"

// ages knows since when SCTP has held what it holds of one channel. SCTP says how
// much that is, and not which; it is taken for what was handed over last, which is
// the youngest that it can be.
type ages struct {
	handed uint64 // bytes, ever
	marks  []mark // from head on
	head   int
}

// mark says that the bytes up to end were handed over from then on.
type mark struct {
	end uint64
	at  time.Duration
}

// grain is how exact ages are: one mark is kept for what is handed over in it.
const grain = 5 * time.Millisecond

// add notes that n bytes were handed over.
func (a *ages) add(n int, now time.Duration) {
	a.handed += uint64(n)
	if last := len(a.marks) - 1; last >= a.head && now-a.marks[last].at < grain {
		a.marks[last].end = a.handed
		return
	}
	if a.head > 0 && len(a.marks) == cap(a.marks) {
		n := copy(a.marks, a.marks[a.head:])
		a.marks, a.head = a.marks[:n], 0
	}
	a.marks = append(a.marks, mark{a.handed, now})
}

// oldest returns how long SCTP has held the oldest of the bytes that it holds.
func (a *ages) oldest(held uint64, now time.Duration) time.Duration {
	for a.head < len(a.marks) && a.marks[a.head].end+held <= a.handed {
		a.head++
	}
	if a.head == len(a.marks) {
		a.marks, a.head = a.marks[:0], 0
		return 0
	}
	return now - a.marks[a.head].at
}
