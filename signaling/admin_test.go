package signaling_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"unityp2p/signaling"
)

// call is an admin call; it returns the status and the body.
func call(t *testing.T, base, method, authorization, body string) (int, string, http.Header) {
	t.Helper()
	request, err := http.NewRequest(method, base+"/api/admin/regUserToken", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer := make([]byte, 1<<10)
	n, _ := response.Body.Read(answer)
	return response.StatusCode, string(answer[:n]), response.Header
}

func TestAdminCall(t *testing.T) {
	base := start(t, signaling.Config{AdminToken: "admin"})
	open := start(t, signaling.Config{})
	good := `{"userToken":"t","timeout":30}`
	for _, tt := range []struct {
		name, base, method, authorization, body string
		want                                    int
	}{
		{"right", base, "POST", "admin", good, 200},
		{"fields beside", base, "POST", "admin", `{"userToken":"t","timeout":30,"x":1}`, 200},
		{"no authorization", base, "POST", "", good, 401},
		{"wrong authorization", base, "POST", "nimda", good, 401},
		{"Bearer", base, "POST", "Bearer admin", good, 401},
		{"no admin token configured", open, "POST", "admin", good, 401},
		{"no admin token configured, none given", open, "POST", "", good, 401},
		{"no timeout", base, "POST", "admin", `{"userToken":"t"}`, 400},
		{"no token", base, "POST", "admin", `{"timeout":30}`, 400},
		{"a token that is a number", base, "POST", "admin", `{"userToken":1,"timeout":30}`, 400},
		{"names in other letters", base, "POST", "admin", `{"usertoken":"t","Timeout":30}`, 400},
		{"null", base, "POST", "admin", `{"userToken":null,"timeout":30}`, 400},
		{"a negative timeout", base, "POST", "admin", `{"userToken":"t","timeout":-1}`, 400},
		{"an array", base, "POST", "admin", `[]`, 400},
		{"no JSON", base, "POST", "admin", `userToken=t`, 500},
		{"nothing", base, "POST", "admin", ``, 500},
		{"PUT", base, "PUT", "admin", good, 405},
		{"DELETE", base, "DELETE", "admin", "", 405},
		{"GET", base, "GET", "admin", "", 404},
	} {
		status, body, header := call(t, tt.base, tt.method, tt.authorization, tt.body)
		if status != tt.want {
			t.Errorf("%s: %d %q, want %d", tt.name, status, body, tt.want)
		}
		if status == 200 && !strings.HasPrefix(header.Get("Content-Type"), "application/json") {
			t.Errorf("%s: content type %q", tt.name, header.Get("Content-Type"))
		}
		if status == 401 && body != "Unauthorized" {
			t.Errorf("%s: body %q", tt.name, body)
		}
	}
}

func TestUserTokens(t *testing.T) {
	base := start(t, signaling.Config{AdminToken: "admin"})
	register := func(token, timeout string) {
		t.Helper()
		if status, body, _ := call(t, base, "POST", "admin", `{"userToken":"`+token+`","timeout":`+timeout+`}`); status != 200 {
			t.Fatalf("registering %s: %d %s", token, status, body)
		}
	}
	query := func(token string) string { return "/?userToken=" + url.QueryEscape(token) }
	refusedSocket := func(path string) {
		t.Helper()
		dial(t, base, path).closed(websocket.ClosePolicyViolation, "Invalid token")
	}
	for _, path := range []string{"/", "/nowhere", query(""), query("constructor"), query("__proto__"), query("toString")} {
		refusedSocket(path) // also before the path is looked at
	}
	register("t", "1000")
	register("constructor", "1000")
	register("__proto__", "1000")
	for range 2 { // reusable
		dial(t, base, query("t")).silent()
		dial(t, base, query("constructor")).silent()
		dial(t, base, query("__proto__")).silent()
	}
	refusedSocket(query("T"))
	dial(t, base, "/nowhere?userToken=t").closed(websocket.CloseNoStatusReceived, "")
	open := dial(t, base, query("t"))
	register("t", "0") // registering again restarts the time: over at once
	refusedSocket(query("t"))
	open.silent() // an open socket outlives its token
	register("t", "1000")
	dial(t, base, query("t")).silent()
}

// A refused socket that breaks the protocol, and one that never reads, cost the
// others nothing.
func TestARefusedSocketHarmsNobody(t *testing.T) {
	base := start(t, signaling.Config{AdminToken: "admin"})
	if status, _, _ := call(t, base, "POST", "admin", `{"userToken":"t","timeout":1000}`); status != 200 {
		t.Fatal(status)
	}
	s := dial(t, base, "/?userToken=t")
	for range 20 {
		for _, path := range []string{"/", "/nowhere?userToken=t"} {
			bad := dial(t, base, path)
			_, _ = bad.conn.NetConn().Write([]byte{0xff, 0xff, 0xff, 0xff})
			_ = bad.conn.Close()
		}
	}
	s.silent()
}
