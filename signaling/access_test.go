package signaling_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
	"unityp2p/signaling"
)

// passes is an Access of a few tokens.
type passes map[string]signaling.Grant

func (p passes) Admit(token, app string) (signaling.Grant, error) {
	switch g, ok := p[token]; {
	case ok:
		return g, nil
	case token == "long":
		return signaling.Grant{}, signaling.Denied(strings.Repeat("x", 124))
	case token == "secretive":
		return signaling.Grant{}, errors.New("the database is at 10.0.0.7")
	}
	return signaling.Grant{}, signaling.Denied("not for " + app)
}

// bearing dials with a token.
func bearing(t *testing.T, url, token string) *socket {
	t.Helper()
	header := http.Header{"Authorization": {"Bearer " + token}}
	conn, _, err := websocket.DefaultDialer.Dial(strings.Replace(url, "http", "ws", 1), header)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &socket{t, conn}
}

func TestAnAccessSaysWho(t *testing.T) {
	all := signaling.Rooms{All: true}
	url := start(t, signaling.Config{AdminToken: "admin", Access: passes{"both": {Host: all, Join: all}, "join": {Join: all}}})
	bearing(t, url, "other").closed(websocket.ClosePolicyViolation, "not for /")
	bearing(t, url, "long").closed(websocket.ClosePolicyViolation, "Invalid token")
	bearing(t, url, "secretive").closed(websocket.ClosePolicyViolation, "Invalid token")
	bearing(t, url, strings.Repeat("x", 4097)).closed(websocket.ClosePolicyViolation, "Invalid token")

	// A registered token allows everything, beside the Access and by either way.
	if status, _, _ := call(t, url, "POST", "admin", `{"userToken":"registered","timeout":60}`); status != http.StatusOK {
		t.Fatal(status)
	}
	s := dial(t, url, "/?userToken=registered")
	s.send(listen("theirs"))
	s.expect(listen("theirs"))
	bearing(t, url, "registered").silent()

	// A secret resumes a name, but only where the token allows to host.
	host := bearing(t, url, "both")
	host.send("c903")
	host.expect("c903")
	secret := host.host("room")
	guest := bearing(t, url, "join")
	guest.send("c903")
	guest.expect("c903")
	guest.resume("room", secret, 0)
	if e := guest.extension(-1); e.Kind != wire.ExtRefusal || e.Code != wire.RefusedHosting {
		t.Errorf("got %+v", e)
	}
	guest.expect(refused("room"))
	guest.send(connect("0100", "room"))
	host.expect("06000040")
	guest.expect("06000100")
}

func TestRooms(t *testing.T) {
	rooms := signaling.Rooms{Names: []string{"lobby", ""}, Prefixes: []string{"team-", "😀"}}
	for room, want := range map[string]bool{
		"lobby": true, "": true, "team-": true, "team-a": true, "😀b": true,
		"Lobby": false, "lobby ": false, "team": false, "a": false, "b😀": false,
	} {
		if rooms.Has(room) != want {
			t.Errorf("%q: %v", room, !want)
		}
	}
	if (signaling.Rooms{}).Has("") || !(signaling.Rooms{All: true}).Has("x") {
		t.Error("none, or all")
	}
}
