package link

import (
	"testing"

	"unityp2p/core/wire"
)

// Who shows an old message shows nothing; and what is said again for a new way is new.
func TestWhatIsSaidForANewWayIsNew(t *testing.T) {
	a, b, nets := cuttable(t, nil)
	said := make(chan []byte, 1000)
	a.update(func() {
		a.way = func(sealed []byte) {
			select {
			case said <- sealed:
			default:
			}
		}
	})
	nets[0].Cut()
	a.await("trouble", func() bool { return len(a.restarting) > 0 })
	// B acknowledges what a asks for, so that a offers; the offer is not acknowledged.
	keys := a.link.restart.keys
	var last []byte
	for a.link.restart.generationNow() == 0 {
		last = <-said
		b.link.Restart(last)
		asked, err := keys.Open(last, true)
		if err != nil {
			t.Fatal(err)
		}
		a.link.Restart(keys.Seal(&wire.Restart{Kind: wire.RestartAck, Ack: asked.Seq}, false))
	}
	for range 3 {
		a.link.NewWay()
		before, _ := b.link.Restart(last)
		next := <-said
		number, ok := b.link.Restart(next)
		for ok && number == before { // said before the new way was known
			next = <-said
			number, ok = b.link.Restart(next)
		}
		if !ok || number < before {
			t.Fatalf("number %d after %d, sealed by the other side: %v", number, before, ok)
		}
		if number, ok := b.link.Restart(last); !ok || number != 0 {
			t.Fatalf("an old message has number %d, sealed by the other side: %v", number, ok)
		}
		last = next
	}
}
