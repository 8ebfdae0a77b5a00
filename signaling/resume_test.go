package signaling_test

import (
	"encoding/hex"
	"net"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
	"unityp2p/signaling"
)

// extended is a socket of protocol version 3.
func extended(t *testing.T, url string) *socket {
	t.Helper()
	s := dial(t, url, "/")
	s.send("c903")
	s.expect("c903")
	return s
}

// extension reads one extension frame.
func (s *socket) extension(id int16) wire.Extension {
	s.t.Helper()
	_ = s.conn.SetReadDeadline(time.Now().Add(patience))
	_, p, err := s.conn.ReadMessage()
	if err != nil {
		s.t.Fatal(err)
	}
	f, err := wire.ParseFrame(p)
	if err != nil || f.Type != wire.ExtensionFrame || f.ID != id {
		s.t.Fatalf("%x instead of an extension frame, %v", p, err)
	}
	e, err := wire.ParseExtension(f.Data)
	if err != nil {
		s.t.Fatalf("%x: %v", p, err)
	}
	return e
}

// host listens and returns the secret.
func (s *socket) host(room string) wire.Secret {
	s.t.Helper()
	s.send(listen(room))
	e := s.extension(-1)
	if e.Kind != wire.ExtName || e.Address != wire.AddressOf(room) || e.Resumed || e.Secret == (wire.Secret{}) {
		s.t.Fatalf("got %+v", e)
	}
	s.expect(listen(room))
	return e.Secret
}

// resume claims a name as the host that had it, having heard so many frames.
func (s *socket) resume(room string, secret wire.Secret, received uint32) {
	s.t.Helper()
	e := wire.Extension{Kind: wire.ExtResume, Address: wire.AddressOf(room), Secret: secret, Received: received}
	s.send(hex.EncodeToString(e.Frame(-1).Append(nil)), listen(room))
}

// resumed checks that the name is its host's again, and that the server had got
// so many frames.
func (s *socket) resumed(room string, secret wire.Secret, received uint32) {
	s.t.Helper()
	if e := s.extension(-1); e.Kind != wire.ExtName || !e.Resumed || e.Secret != secret || e.Received != received {
		s.t.Fatalf("got %+v", e)
	}
	s.expect(listen(room))
}

// awaitHeld waits until the server has noticed that a host is lost: until its
// name is refused because it is kept.
func (s *socket) awaitHeld(room string) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		s.send(listen(room))
		_, p, err := s.conn.ReadMessage()
		if err != nil {
			s.t.Fatal(err)
		}
		f, err := wire.ParseFrame(p)
		if err == nil && f.Type == wire.ServerInitFailed {
			continue // its socket is still open there
		}
		e, err := wire.ParseExtension(f.Data)
		if err != nil || e.Kind != wire.ExtRefusal || e.Code != wire.RefusedHeld || e.Text == "" {
			s.t.Fatalf("got %+v, %v", e, err)
		}
		s.expect(refused(room))
		return
	}
	s.t.Fatal("the name is not kept")
}

// cut breaks the connection without a word.
func (s *socket) cut() {
	s.t.Helper()
	if tcp, ok := s.conn.NetConn().(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = s.conn.Close()
}

// joined links a new socket with a host: its id is 1, the host's as given.
func joined(t *testing.T, url, room string, host *socket, hostID string) *socket {
	t.Helper()
	c := dial(t, url, "/")
	c.send(connect("0100", room))
	host.expect("0600" + hostID)
	c.expect("06000100")
	return c
}

func TestALostHostResumesItsNameAndItsLinks(t *testing.T) {
	url := start(t, signaling.Config{ResumeGrace: time.Hour})
	old := extended(t, url)
	secret := old.host("room")
	client := joined(t, url, "room", old, "0040")
	old.send("02010040 01000000 aa")
	client.expect("02010100 01000000 aa")
	old.cut()
	probe := extended(t, url)
	probe.awaitHeld("room")

	// Nobody else gets the name: not without the secret, not with a wrong one, and
	// not with the right one for another name.
	other := dial(t, url, "/")
	other.send(listen("room"))
	other.expect(refused("room"))
	wrong := secret
	wrong[15] ^= 1
	for _, s := range []wire.Secret{wrong, {}} {
		probe.resume("room", s, 1)
		if e := probe.extension(-1); e.Code != wire.RefusedHeld {
			t.Errorf("got %+v", e)
		}
		probe.expect(refused("room"))
	}
	probe.resume("elsewhere", secret, 1)
	probe.extension(-1) // of its own
	probe.expect(listen("elsewhere"))
	probe.send(listen("room"))
	probe.expect("0500ffff")
	probe.extension(-1)
	probe.expect(refused("room"))

	// Its client is told nothing, and what it says is kept. Who comes now waits.
	client.silent()
	client.send("02010100 02000000 bbcc")
	client.silent()
	late := dial(t, url, "/")
	late.send(connect("0700", "room"))
	late.silent()

	again := extended(t, url)
	again.resume("room", secret, 1)
	again.resumed("room", secret, 1)
	again.expect("02010040 02000000 bbcc", "06000140")
	late.expect("06000700")
	again.send("02010040 01000000 dd", "02010140 01000000 ee")
	client.expect("02010100 01000000 dd")
	late.expect("02010700 01000000 ee")
	client.send("02010100 01000000 ff")
	again.expect("02010040 01000000 ff")

	// And once more, with the same secret.
	again.cut()
	probe.awaitHeld("room")
	again = extended(t, url)
	again.resume("room", secret, 3)
	again.resumed("room", secret, 2)
	client.send("08000100")
	client.expect("08000100")
	again.expect("08000040")
}

// A host may know that its socket is dead before the server does.
func TestAHostResumesWhileItsOldSocketLooksAlive(t *testing.T) {
	url := start(t, signaling.Config{})
	old := extended(t, url)
	secret := old.host("room")
	whole := joined(t, url, "room", old, "0040")
	broken := joined(t, url, "room", old, "0140")
	broken.send("02010100 01000000 aa") // and this does not arrive, let us say
	old.expect("02010140 01000000 aa")
	again := extended(t, url)
	again.resume("room", secret, 2)
	again.resumed("room", secret, 0)
	old.closed(4504, "Resumed by another socket")
	// A link of which something was lost has ended for both; the other lives.
	again.expect("08000140")
	broken.expect("08000100")
	whole.send("02010100 01000000 bb")
	again.expect("02010040 01000000 bb")
	again.send("02010040 01000000 cc")
	whole.expect("02010100 01000000 cc")
	third := joined(t, url, "room", again, "0140")
	third.silent()
	whole.silent()
}

func TestWhenTheGraceIsOverTheHostIsGone(t *testing.T) {
	url := start(t, signaling.Config{ResumeGrace: 3 * time.Second})
	host := extended(t, url)
	secret := host.host("room")
	client := joined(t, url, "room", host, "0040")
	host.cut()
	extended(t, url).awaitHeld("room")
	late := dial(t, url, "/")
	late.send(connect("0200", "room"))
	client.expect("08000100")
	late.expect("07000200")
	next := extended(t, url)
	if fresh := next.host("room"); fresh == secret {
		t.Error("the old secret lives on")
	}
	again := extended(t, url)
	again.resume("room", secret, 1)
	again.expect(refused("room"))
	next.silent()
}

func TestAHostThatLeavesIsGoneAtOnce(t *testing.T) {
	url := start(t, signaling.Config{ResumeGrace: time.Hour, Apps: []signaling.App{{Path: "/"}, {Path: "/shared", AddressSharing: true}}})
	for name, leave := range map[string]func(*socket){
		"stop": func(s *socket) { s.send("0500ffff"); s.expect("0500ffff"); s.cut() },
		"close": func(s *socket) {
			_ = s.conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
			s.closed(websocket.CloseNormalClosure, "")
		},
		"close without a code": func(s *socket) {
			_ = s.conn.WriteMessage(websocket.CloseMessage, nil)
			s.closed(websocket.CloseNoStatusReceived, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			host := extended(t, url)
			host.host("room")
			client := joined(t, url, "room", host, "0040")
			leave(host)
			client.expect("08000100")
			free(t, url, "room")
		})
	}
	t.Run("version 2", func(t *testing.T) {
		host := dial(t, url, "/")
		host.send("c902", listen("room"))
		host.expect("c902", listen("room"))
		client := joined(t, url, "room", host, "0040")
		host.cut()
		client.expect("08000100")
		free(t, url, "room")
	})
	t.Run("a shared address", func(t *testing.T) {
		a, b := dial(t, url, "/shared"), dial(t, url, "/shared")
		a.send("c903", listen("room"))
		a.expect("c903", listen("room"))
		b.send(listen("room"))
		b.expect(listen("room"), "06000040")
		a.cut()
		b.expect("08000040")
	})
}

// free checks that nobody has a name, and leaves it so.
func free(t *testing.T, url, room string) {
	t.Helper()
	s := dial(t, url, "/")
	s.send(listen(room))
	s.expect(listen(room))
	s.send("0500ffff")
	s.expect("0500ffff")
}

func TestWhoWaitsForALostHostMayGiveUp(t *testing.T) {
	url := start(t, signaling.Config{ResumeGrace: time.Hour})
	host := extended(t, url)
	secret := host.host("room")
	host.cut()
	extended(t, url).awaitHeld("room")
	a, b := dial(t, url, "/"), dial(t, url, "/")
	a.send(connect("0100", "room"), "08000100", connect("0200", "room"), connect("0200", "room"))
	a.expect("08000100")
	a.silent()
	b.send(connect("0100", "room"))
	b.silent()
	b.cut()
	again := extended(t, url)
	again.resume("room", secret, 0)
	again.resumed("room", secret, 0)
	again.expect("06000040")
	a.expect("06000200")
}

func TestWhatIsKeptForALostHostIsBounded(t *testing.T) {
	url := start(t, signaling.Config{ResumeGrace: time.Hour})
	host := extended(t, url)
	secret := host.host("room")
	chatty, quiet := joined(t, url, "room", host, "0040"), joined(t, url, "room", host, "0140")
	host.cut()
	extended(t, url).awaitHeld("room")
	frame := make([]byte, 8+1<<10)
	copy(frame, []byte{2, 1, 1, 0, 0, 4})
	for range 100 {
		if err := chatty.conn.WriteMessage(websocket.BinaryMessage, frame); err != nil {
			t.Fatal(err)
		}
	}
	chatty.expect("08000100")
	quiet.silent()
	again := extended(t, url)
	again.resume("room", secret, 2)
	again.resumed("room", secret, 0)
	again.expect("08000040")
	quiet.send("02010100 01000000 aa")
	again.expect("02010140 01000000 aa")
}

// To those who do not say 3 the server is the original one, whatever it has.
func TestNoExtensionForTheOriginals(t *testing.T) {
	url := start(t, signaling.Config{ICEServers: func() []signaling.ICEServer {
		return []signaling.ICEServer{{URLs: []string{"stun:example.org"}}}
	}})
	for _, version := range []string{"02", "04", "ff"} {
		s := dial(t, url, "/")
		e := wire.Extension{Kind: wire.ExtResume, Address: wire.AddressOf("room" + version)}
		s.send("c9"+version, hex.EncodeToString(e.Frame(-1).Append(nil)), listen("room"+version))
		s.expect("c902", listen("room"+version))
		s.silent()
		_ = s.conn.Close()
		s.t.Log(version)
	}
}

func TestICEServersAreHandedOutAndRenewed(t *testing.T) {
	calls := make(chan struct{}, 100)
	url := start(t, signaling.Config{ICEServers: func() []signaling.ICEServer {
		calls <- struct{}{}
		return []signaling.ICEServer{
			{URLs: []string{"stun:example.org"}},
			{URLs: []string{"turn:example.org", "turns:example.org"}, Username: "u", Credential: "p", Lifetime: time.Second},
		}
	}})
	s := dial(t, url, "/")
	s.send("c903", "c903", connect("0100", "room")) // all at once
	s.expect("c903")
	for i := range 3 {
		e := s.extension(-1)
		if e.Kind != wire.ExtServers || len(e.Servers) != 2 || e.Servers[1].URLs[1] != "turns:example.org" ||
			e.Servers[1].Lifetime != time.Second || e.Servers[1].Credential != "p" {
			t.Fatalf("got %+v", e)
		}
		if i == 0 {
			s.expect("c903", "07000100")
		}
	}
	_ = s.conn.Close()
}
