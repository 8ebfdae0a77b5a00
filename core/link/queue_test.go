package link

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"unityp2p/core/wire"
)

// Messages come out as they went in, whatever the order of pushes, packets and
// new beginnings of the block, and a queue that never holds much takes little.
func TestQueueKeepsWhatItHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var q queue
	var want [][]byte
	var packet []byte
	for step := range 20000 {
		if r.IntN(3) > 0 && len(want) < 200 {
			p := bytes.Repeat([]byte{byte(step)}, r.IntN(300))
			want = append(want, slices.Clone(p))
			q.push(p, false, 0)
			clear(p) // the caller's again
			continue
		}
		if len(want) == 0 {
			continue
		}
		var count int
		packet, count, _, _ = q.pack(packet[:0], 1, unlimited)
		q.rewind()
		k, err := wire.ParsePacket(packet)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := appendMessages(nil, &k, true, 1000)
		if err != nil || len(got) != count {
			t.Fatalf("step %d: %d messages, not %d: %v", step, len(got), count, err)
		}
		for i, m := range got {
			if !bytes.Equal(m.Data, want[i]) {
				t.Fatalf("step %d: message %d came out as %x, not %x", step, i, m.Data, want[i])
			}
		}
		want = want[count:]
	}
}

// A game that sends little at a time needs no large block.
func TestQueueStaysSmall(t *testing.T) {
	var q queue
	message, packet := make([]byte, 100), make([]byte, 0, 2048)
	frame := func() {
		for range 5 {
			q.push(message, false, 0)
		}
		for q.first() != nil {
			packet, _, _, _ = q.pack(packet[:0], 1, unlimited)
			q.rewind()
		}
	}
	frame()
	if n := testing.AllocsPerRun(1000, frame); n > 0 {
		t.Errorf("%v allocations a frame", n)
	}
	if cap(q.block) > 2*firstBlock {
		t.Errorf("a block of %d bytes for 500", cap(q.block))
	}
}
