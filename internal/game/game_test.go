package game

import (
	"testing"
	"time"
)

// Nothing that may go wrong with a message goes unseen.
func TestChain(t *testing.T) {
	write := func(c *chain, reliable bool) []byte {
		m := make([]byte, 200)
		*c = c.next(m, time.Second, reliable)
		return m
	}
	for name, test := range map[string]struct {
		reliable bool
		spoil    func(m [][]byte) [][]byte
		want     string
	}{
		"nothing":               {true, func(m [][]byte) [][]byte { return m }, ""},
		"lost":                  {true, func(m [][]byte) [][]byte { return [][]byte{m[0], m[2]} }, "number 3 after 1"},
		"twice":                 {true, func(m [][]byte) [][]byte { return [][]byte{m[0], m[0]} }, "number 1 after 1"},
		"overtaken":             {true, func(m [][]byte) [][]byte { return [][]byte{m[0], m[2], m[1]} }, "number 3 after 1"},
		"changed":               {true, func(m [][]byte) [][]byte { m[1][100]++; return m }, "number 2 is not what was sent"},
		"cut":                   {true, func(m [][]byte) [][]byte { m[1] = m[1][:199]; return m }, "number 2 is not what was sent"},
		"short":                 {true, func(m [][]byte) [][]byte { m[1] = m[1][:20]; return m }, "a message of 20 bytes"},
		"unreliable, lost":      {false, func(m [][]byte) [][]byte { return [][]byte{m[0], m[2]} }, ""},
		"unreliable, overtaken": {false, func(m [][]byte) [][]byte { return [][]byte{m[2], m[0]} }, ""},
		"unreliable, changed":   {false, func(m [][]byte) [][]byte { m[1][8]++; return m }, "number 2 is not what was sent"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, in chain
			messages := [][]byte{write(&out, test.reliable), write(&out, test.reliable), write(&out, test.reliable)}
			var got string
			for _, m := range test.spoil(messages) {
				if _, _, err := in.accept(m, test.reliable); err != nil {
					got = err.Error()
					break
				}
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestPercentiles(t *testing.T) {
	var h histogram
	if got := h.percentile(50); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	for i := range 100 {
		h.add(time.Duration(i)*time.Millisecond + time.Microsecond)
	}
	for percent, want := range map[float64]time.Duration{1: time.Millisecond, 50: 50 * time.Millisecond, 99: 99 * time.Millisecond} {
		if got := h.percentile(percent); got != want {
			t.Errorf("%v %%: %v, want %v", percent, got, want)
		}
	}
	h.add(time.Minute)
	if got := h.percentile(100); got != time.Minute {
		t.Errorf("the most: %v", got)
	}
}
