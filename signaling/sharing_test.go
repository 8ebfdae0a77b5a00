package signaling_test

import (
	"testing"

	"unityp2p/signaling"
)

// Two negotiate one connection, however they came to be linked: one that had
// connected to a listener, and then listens on the same address, is not linked
// with it a second time.
func TestAPairIsLinkedOnce(t *testing.T) {
	url := start(t, signaling.Config{Apps: []signaling.App{{Path: "/", AddressSharing: true}}})
	a, b, c := dial(t, url, "/"), dial(t, url, "/"), dial(t, url, "/")
	a.send(listen("room"))
	a.expect(listen("room"))
	b.send(connect("0100", "room"))
	a.expect("06000040")
	b.expect("06000100")
	b.send(listen("room"))
	b.expect(listen("room"))
	b.silent()
	a.silent()
	c.send(listen("room")) // a stranger to both
	c.expect(listen("room"), "06000040", "06000140")
	a.expect("06000140")
	b.expect("06000040")
	// When that link is gone, listening again makes one.
	b.send("08000100")
	b.expect("08000100")
	a.expect("08000040")
	b.send(listen("room"))
	b.expect("0500ffff", listen("room"), "06000140")
	a.expect("06000240")
}
