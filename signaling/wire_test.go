package signaling_test

import (
	"encoding/hex"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/signaling"
)

// These tests are the protocol as it was observed at the original server, byte
// for byte. docs/protocol.md has the same lines in words.

func TestUpgradeAnswersWithTheRequiredHeadersOnly(t *testing.T) {
	url := start(t, signaling.Config{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := "GET /?x=1 HTTP/1.1\r\nHost: a\r\nOrigin: http://evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: one, two\r\n\r\n"
	if _, err := conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	var answer strings.Builder
	for buf := make([]byte, 1024); !strings.Contains(answer.String(), "\r\n\r\n"); {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		answer.Write(buf[:n])
	}
	want := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: one\r\n\r\n"
	if got := answer.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestVersionAndHeartbeatAreAnswered(t *testing.T) {
	s := dial(t, start(t, signaling.Config{}), "/")
	s.send("c902", "ca", "c907")
	s.expect("c902", "ca", "c902")
}

func TestPathsAreAppsOfTheirOwn(t *testing.T) {
	url := start(t, signaling.Config{Apps: []signaling.App{{Path: "/"}, {Path: "/chatapp"}, {Path: "/test"}}})
	a, b := dial(t, url, "/chatapp?query=1"), dial(t, url, "/test")
	a.send(listen("room"))
	a.expect(listen("room"))
	b.send(connect("0100", "room"))
	b.expect("07000100")
	b.send(listen("room"))
	b.expect(listen("room"))
	for _, path := range []string{"/test/", "/TEST", "/nowhere", "/chatapp/x"} {
		dial(t, url, path).closed(websocket.CloseNoStatusReceived, "")
	}
}

func TestListen(t *testing.T) {
	url := start(t, signaling.Config{})
	a, b := dial(t, url, "/"), dial(t, url, "/")
	a.send("0302ffff 05000000 72006f006f006d003100")
	a.expect("0302ffff 05000000 72006f006f006d003100")
	b.send("0302ffff 05000000 72006f006f006d003100")
	b.expect("0402ffff 05000000 72006f006f006d003100")
	// Again, elsewhere: the old address is given up first.
	a.send(listen("other"))
	a.expect("0500ffff", listen("other"))
	b.send(listen("room1"))
	b.expect(listen("room1"))
	// Again at the same address.
	b.send(listen("room1"))
	b.expect("0500ffff", listen("room1"))
	// Again at one that is taken: the old one is gone all the same.
	b.send(listen("other"))
	b.expect("0500ffff", refused("other"))
	a.send("0500ffff")
	a.expect("0500ffff")
	a.send("0500ffff") // while not listening: nothing
	a.silent()
	// The id of a listen is ignored.
	a.send("03020700" + address("x"))
	a.expect(listen("x"))
}

func TestStopLeavesLinksAlone(t *testing.T) {
	listener, connector := pair(t)
	listener.send("0500ffff")
	listener.expect("0500ffff")
	connector.send("02010100 01000000 aa")
	listener.expect("02010040 01000000 aa")
}

func TestConnect(t *testing.T) {
	url := start(t, signaling.Config{})
	a, b, c := dial(t, url, "/"), dial(t, url, "/"), dial(t, url, "/")
	b.send(connect("0100", "room"))
	b.expect("07000100")
	a.send(listen("room"))
	a.expect(listen("room"))
	b.send(connect("0100", "room"))
	a.expect("06000040")
	b.expect("06000100")
	c.send(connect("0500", "room"))
	a.expect("06000140")
	c.expect("06000500")
	// Ids count on: a freed one is not given to the next.
	c.send("08000500")
	c.expect("08000500")
	a.expect("08000140")
	c.send(connect("0600", "room"))
	a.expect("06000240")
	c.expect("06000600")
}

func TestConnectToOneself(t *testing.T) {
	s := dial(t, start(t, signaling.Config{}), "/")
	s.send(listen("me"), connect("0100", "me"))
	s.expect(listen("me"), "06000040", "06000100")
	s.send("02010100 01000000 aa", "02010040 01000000 bb")
	s.expect("02010040 01000000 aa", "02010100 01000000 bb")
	s.send("08000100")
	s.expect("08000040", "08000100")
}

func TestRelay(t *testing.T) {
	a, b := pair(t)
	b.send("02010100 03000000 010203", "01010100 01000000 ff")
	a.expect("02010040 03000000 010203", "01010040 01000000 ff")
	a.send("02010040 03000000 040506", "01010040 01000000 ee")
	b.expect("02010100 03000000 040506", "01010100 01000000 ee")
	a.send("02010040 00000000") // no bytes
	b.expect("02010100 00000000")
	a.send("02000040") // no data
	b.expect("02000100")
	a.send("02020040 01000000 4100") // text arrives as no data
	b.expect("02000100")
	a.send("02010040 01000000 aabbcc") // what follows the data is dropped
	b.expect("02010100 01000000 aa")
	a.send("02010900 01000000 aa") // no such link
	a.silent()
	b.silent()
}

func TestDisconnect(t *testing.T) {
	a, b := pair(t)
	b.send("08000100")
	b.expect("08000100")
	a.expect("08000040")
	b.send("08000100", "08007700") // repeated, unknown
	b.silent()
	a.send("08000040")
	a.silent()
}

func TestASocketThatGoesAway(t *testing.T) {
	url := start(t, signaling.Config{})
	a, b, c := dial(t, url, "/"), dial(t, url, "/"), dial(t, url, "/")
	a.send(listen("room"))
	a.expect(listen("room"))
	b.send(connect("0100", "room"))
	a.expect("06000040")
	b.expect("06000100")
	_ = a.conn.Close()
	b.expect("08000100")
	c.send(listen("room")) // free at once
	c.expect(listen("room"))
}

func TestAddressesAreCodeUnits(t *testing.T) {
	url := start(t, signaling.Config{})
	units := map[string]string{
		"empty":            "00000000",
		"NUL":              "01000000 0000",
		"BOM":              "01000000 fffe",
		"lone surrogate":   "01000000 00d8",
		"another one":      "01000000 01d8",
		"composed":         "01000000 e900",
		"decomposed":       "02000000 6500 0103",
		"prefix":           "02000000 6100 6200",
		"its continuation": "03000000 6100 6200 0000",
		"constructor":      address("constructor"),
		"__proto__":        address("__proto__"),
	}
	for name, u := range units {
		s := dial(t, url, "/")
		s.send("0302ffff" + u)
		s.expect("0302ffff" + u) // distinct from all the others, and as it was
		c := dial(t, url, "/")
		c.send("06020100" + u)
		s.expect("06000040")
		c.expect("06000100")
		t.Log(name)
	}
	s := dial(t, url, "/")
	s.send(listen(strings.Repeat("x", 256)))
	s.expect(listen(strings.Repeat("x", 256)))
	s.send(listen(strings.Repeat("x", 257)))
	s.expect("0500ffff", refused(strings.Repeat("x", 257)))
}

func TestListenAndConnectWithoutAnAddress(t *testing.T) {
	url := start(t, signaling.Config{})
	a, b := dial(t, url, "/"), dial(t, url, "/")
	a.send(listen("room"))
	a.expect(listen("room"))
	a.send("0300ffff")
	a.expect("0500ffff")
	b.send(connect("0100", "room"))
	b.expect("07000100")
	a.send(listen("room"))
	a.expect(listen("room"))
	a.send("0301ffff 02000000 7200")
	a.expect("0500ffff")
	a.send("0300ffff")
	a.silent()
	b.send("06000200", "06010300 02000000 7200")
	b.expect("07000200", "07000300")
}

func TestMalformedFramesAreDropped(t *testing.T) {
	s := dial(t, start(t, signaling.Config{}), "/")
	s.send("", "03", "0302", "0302ff", "0302ffff", "0302ffff0500", "0302ffff 05000000 7200",
		"0302ffff ffffffff 7200", "0303ffff 01000000 7200", "0902ffff 01000000 7200", "00", "ff", "c9")
	if err := s.conn.WriteMessage(websocket.TextMessage, []byte("text")); err != nil {
		t.Fatal(err)
	}
	s.silent()
	s.send("0302ffff 01000000 7200 6f00") // the prefix is used
	s.expect("0302ffff 01000000 7200")
}

func TestViolationsOfTheWebSocketProtocol(t *testing.T) {
	url := start(t, signaling.Config{})
	s := dial(t, url, "/")
	if err := s.conn.WriteMessage(websocket.TextMessage, []byte{0xff, 0xfe}); err != nil {
		t.Fatal(err)
	}
	s.closed(websocket.CloseInvalidFramePayloadData, "")
	s = dial(t, url, "/")
	if _, err := s.conn.NetConn().Write([]byte{0xf2, 0x80, 0, 0, 0, 0}); err != nil { // reserved bits
		t.Fatal(err)
	}
	s.closed(websocket.CloseProtocolError, "")
}

func TestMaxPayload(t *testing.T) {
	url := start(t, signaling.Config{})
	a, b := dial(t, url, "/"), dial(t, url, "/")
	a.send(listen("room"))
	a.expect(listen("room"))
	b.send(connect("0100", "room"))
	a.expect("06000040")
	b.expect("06000100")
	frame := make([]byte, 1<<20)
	copy(frame, []byte{2, 1, 1, 0, 0xf8, 0xff, 0x0f, 0})
	if err := b.conn.WriteMessage(websocket.BinaryMessage, frame); err != nil { // exactly the limit
		t.Fatal(err)
	}
	_, got, err := a.conn.ReadMessage()
	if err != nil || len(got) != len(frame) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	w, err := b.conn.NextWriter(websocket.BinaryMessage) // fragments add up
	if err != nil {
		t.Fatal(err)
	}
	for range 17 {
		if _, err := w.Write(make([]byte, 1<<16)); err != nil {
			break // the server may have closed already
		}
	}
	_ = w.Close()
	b.closed(websocket.CloseMessageTooBig, "")
	a.expect("08000040")
}

func TestAddressSharing(t *testing.T) {
	url := start(t, signaling.Config{Apps: []signaling.App{{Path: "/s", AddressSharing: true}}})
	a, b, c := dial(t, url, "/s"), dial(t, url, "/s"), dial(t, url, "/s")
	a.send(listen("room"))
	a.expect(listen("room"))
	d := dial(t, url, "/s")
	d.send(connect("0100", "room")) // exactly one listener
	a.expect("06000040")
	d.expect("06000100")
	d.send("08000100")
	d.expect("08000100")
	a.expect("08000040")
	b.send(listen("room"))
	b.expect(listen("room"), "06000040")
	a.expect("06000140")
	c.send(listen("room"))
	c.expect(listen("room"), "06000040", "06000140")
	a.expect("06000240")
	b.expect("06000140")
	d.send(connect("0200", "room")) // several
	d.expect("07000200")
	b.send("02010140 01000000 aa") // b to c
	c.expect("02010140 01000000 aa")
	// Listening again links nobody twice.
	b.send(listen("room"))
	b.expect("0500ffff", listen("room"))
	b.silent()
	a.silent()
}

func TestASocketWithoutPongsIsClosed(t *testing.T) {
	url := start(t, signaling.Config{PingInterval: 50 * time.Millisecond})
	a, b := dial(t, url, "/"), dial(t, url, "/")
	a.send(listen("room"))
	a.expect(listen("room"))
	b.send(connect("0100", "room"))
	a.expect("06000040")
	b.expect("06000100")
	a.conn.SetPingHandler(func(string) error { // no pong, but a heartbeat
		return a.conn.WriteMessage(websocket.BinaryMessage, []byte{0xca})
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.closed(websocket.CloseNormalClosure, "Done")
	}()
	b.expect("08000100") // b answers pings while it reads
	<-ended
}

func TestALinkIDThatIsUsedAgain(t *testing.T) {
	url := start(t, signaling.Config{})
	a, b, c := dial(t, url, "/"), dial(t, url, "/"), dial(t, url, "/")
	a.send(listen("a"))
	a.expect(listen("a"))
	b.send(listen("b"))
	b.expect(listen("b"))
	c.send(connect("0100", "a"))
	a.expect("06000040")
	c.expect("06000100")
	c.send(connect("0100", "b"))
	a.expect("08000040")
	b.expect("06000040")
	c.expect("06000100")
	a.send("02010040 01000000 aa")
	a.silent()
	b.send("02010040 01000000 bb")
	c.expect("02010100 01000000 bb")
}

func TestIDsAreReusedWhenAllWereGiven(t *testing.T) {
	s := dial(t, start(t, signaling.Config{}), "/")
	s.send(listen("me"))
	s.expect(listen("me"))
	for i := range 16384 {
		own := 0xffff - i // below 0, so that they are none of the server's
		id := hex.EncodeToString([]byte{byte(own), byte(own >> 8)})
		given := 16384 + i
		s.send(connect(id, "me"))
		s.expect("0600"+hex.EncodeToString([]byte{byte(given), byte(given >> 8)}), "0600"+id)
	}
	s.send(connect("0100", "me"))
	s.expect("07000100") // none is free
	s.send("0800fbff")   // the fifth link, which had given 16388
	s.expect("08000440", "0800fbff")
	s.send(connect("0100", "me"))
	s.expect("06000440", "06000100")
}

func TestPage(t *testing.T) {
	url := start(t, signaling.Config{AdminToken: "secret"})
	for path, want := range map[string]int{"/": http.StatusOK, "/nowhere": http.StatusNotFound} {
		response, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, 1<<12)
		n, _ := response.Body.Read(body)
		_ = response.Body.Close()
		if response.StatusCode != want || (want == http.StatusOK && !strings.Contains(string(body[:n]), "running")) {
			t.Errorf("%s: %d %q", path, response.StatusCode, body[:n])
		}
	}
}
