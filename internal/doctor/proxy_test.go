package doctor_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"unityp2p/core/wire"
	"unityp2p/internal/doctor"
	"unityp2p/signaling"
	"unityp2p/signaling/jwt"
)

func TestAnswersThatAreNoUpgrade(t *testing.T) {
	for name, c := range map[string]struct {
		answer       http.HandlerFunc
		says, advice string
	}{
		"redirection":       {http.RedirectHandler("https://example.org/?userToken=hush", http.StatusMovedPermanently).ServeHTTP, "a redirection to https", "wss://"},
		"other redirection": {http.RedirectHandler("/login?next=hush", http.StatusFound).ServeHTTP, "/login", "redirections"},
		"dead backend":      {status(http.StatusBadGateway), "HTTP 502", "is it running"},
		"login":             {status(http.StatusUnauthorized), "HTTP 401", "login"},
		"too many":          {status(http.StatusTooManyRequests), "HTTP 429", "proxy"},
		"other site":        {http.NotFound, "HTTP 404", "lead to the signaling server"},
	} {
		t.Run(name, func(t *testing.T) {
			h := httptest.NewServer(c.answer)
			defer h.Close()
			o := doctor.Options{URL: strings.Replace(h.URL, "http", "ws", 1), Token: "hush"}
			fails(t, o, "upgrade", c.says, c.advice)
			if _, steps := examine(t, o); strings.Contains(steps["upgrade"].Detail, "hush") {
				t.Errorf("what a token may be is shown: %+v", steps["upgrade"])
			}
		})
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// A proxy that knows nothing of upgrades, as nginx without those lines.
func TestAProxyThatTakesTheUpgradeOut(t *testing.T) {
	strip := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Upgrade")
			r.Header.Set("Connection", "close")
			next.ServeHTTP(w, r)
		})
	}
	url := serve(t, signaling.Config{Apps: []signaling.App{{Path: "/"}, {Path: "/chat"}}}, nil, strip)
	for _, path := range []string{"", "/chat"} {
		fails(t, doctor.Options{URL: url + path}, "upgrade", "takes the upgrade out", "proxy_set_header Upgrade")
	}
}

// behind puts a TCP proxy in front of a server: middle copies between the two.
func behind(t *testing.T, server string, middle func(client, server net.Conn)) (ws string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	return "ws://" + listen(t, func(client net.Conn) {
		conn, err := net.Dial("tcp", u.Host)
		if err != nil {
			return
		}
		t.Cleanup(func() { _ = conn.Close() })
		go middle(client, conn)
	})
}

// A proxy that cuts what is silent, before a server that pings too seldom for it.
func TestAProxyThatCutsIdleSockets(t *testing.T) {
	t.Parallel()
	const limit = 3 * time.Second
	cutting := func(client, server net.Conn) {
		silence := time.AfterFunc(limit, func() { _, _ = client.Close(), server.Close() })
		pass := func(to, from net.Conn) {
			buffer := make([]byte, 1<<15)
			for {
				n, err := from.Read(buffer)
				if err != nil {
					return
				}
				silence.Reset(limit)
				if _, err := to.Write(buffer[:n]); err != nil {
					return
				}
			}
		}
		go pass(client, server)
		pass(server, client)
	}
	seldom := behind(t, serve(t, signaling.Config{PingInterval: time.Hour}, nil, nil), cutting)
	well, steps := examine(t, doctor.Options{URL: seldom, Idle: patience})
	if s := steps["idle"]; well || s.Outcome != doctor.Failed || !strings.Contains(s.Detail, "cut after") || !strings.Contains(s.Advice, "pings") {
		t.Errorf("idle: %+v", s)
	}
	// Players do not wait in silence, so the rest is tried all the same.
	if s := steps["channel"]; s.Outcome != doctor.Passed {
		t.Errorf("channel: %+v", s)
	}
	often := behind(t, serve(t, signaling.Config{PingInterval: limit / 3}, nil, nil), cutting)
	passes(t, doctor.Options{URL: often, Idle: 2 * limit}, "tls", "stun", "turn")
}

// A reverse proxy as it should be.
func TestAProxyThatIsWell(t *testing.T) {
	u, err := url.Parse(strings.Replace(serve(t, signaling.Config{}, nil, nil), "ws", "http", 1))
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(httputil.NewSingleHostReverseProxy(u))
	defer h.Close()
	passes(t, doctor.Options{URL: strings.Replace(h.URL, "http", "ws", 1)}, "tls", "idle", "stun", "turn")
}

// Two servers behind one URL do not know each other's rooms.
func TestTwoServersBehindOneURL(t *testing.T) {
	other, err := signaling.New(signaling.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var count atomic.Int32
	url := serve(t, signaling.Config{}, nil, func(one http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if count.Add(1)%2 == 0 {
				other.ServeHTTP(w, r)
				return
			}
			one.ServeHTTP(w, r)
		})
	})
	fails(t, doctor.Options{URL: url}, "connect", "does not know the room", "run one")
}

func TestAPathThatTheServerDoesNotKnow(t *testing.T) {
	url := serve(t, signaling.Config{Apps: []signaling.App{{Path: "/chat"}}}, nil, nil)
	fails(t, doctor.Options{URL: url + "/Chat"}, "version", "no app at the path /Chat", "-apps")
	fails(t, doctor.Options{URL: url}, "version", "no app at the path /", "-apps")
	passes(t, doctor.Options{URL: url + "/chat"}, "tls", "idle", "stun", "turn")
}

func TestTokens(t *testing.T) {
	access, err := jwt.New([]byte(strings.Repeat("secret", 6)))
	if err != nil {
		t.Fatal(err)
	}
	sign := func(c jwt.Claims) string {
		c.Until = time.Now().Add(time.Hour)
		token, err := access.Sign(c)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	url := serve(t, signaling.Config{Access: access}, nil, nil)
	fails(t, doctor.Options{URL: url}, "version", "nobody in without a token", "-token")
	fails(t, doctor.Options{URL: url, Token: "x"}, "version", "refuses the token", "expired")
	fails(t, doctor.Options{URL: url, Token: sign(jwt.Claims{App: "/other", Host: true, Join: true, Prefixes: []string{""}})}, "version", "not for this app", "path")
	fails(t, doctor.Options{URL: url, Token: sign(jwt.Claims{Host: true, Join: true, Rooms: []string{"lobby"}})}, "listen", "does not allow to host", "-room")
	fails(t, doctor.Options{URL: url, Token: sign(jwt.Claims{Host: true, Rooms: []string{"lobby"}}), Room: "lobby"}, "connect", "does not allow to join", "token")
	passes(t, doctor.Options{URL: url, Token: sign(jwt.Claims{Host: true, Join: true, Rooms: []string{"lobby"}}), Room: "lobby"}, "tls", "idle", "stun", "turn")
	passes(t, doctor.Options{URL: url + "/?userToken=" + sign(jwt.Claims{Host: true, Join: true, Prefixes: []string{""}})}, "tls", "idle", "stun", "turn")
}

// As the original's servers, which look for the token in the URL alone.
func TestATokenThatIsTakenFromTheURLAlone(t *testing.T) {
	const token = "the user's"
	server := serve(t, signaling.Config{AdminToken: "boss"}, nil, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if websocket.IsWebSocketUpgrade(r) {
				r.Header.Del("Authorization")
			}
			next.ServeHTTP(w, r)
		})
	})
	r, err := http.NewRequest(http.MethodPost, strings.Replace(server, "ws", "http", 1)+"/api/admin/regUserToken",
		strings.NewReader(`{"userToken":"`+token+`","timeout":3600}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "boss")
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	_ = answer.Body.Close()
	for name, s := range passes(t, doctor.Options{URL: server, Token: token}, "tls", "idle", "stun", "turn") {
		if strings.Contains(s.Detail+s.Advice, token) {
			t.Errorf("%s shows the token: %+v", name, s)
		}
	}
}

// sockets answers with WebSockets that do what talk says.
func sockets(t *testing.T, talk func(*websocket.Conn)) (ws string) {
	t.Helper()
	upgrader := websocket.Upgrader{}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		talk(conn)
	}))
	t.Cleanup(h.Close)
	return strings.Replace(h.URL, "http", "ws", 1)
}

func drain(c *websocket.Conn) {
	for {
		if _, _, err := c.NextReader(); err != nil {
			return
		}
	}
}

func TestWhatIsNoSignalingServer(t *testing.T) {
	t.Parallel()
	silent := sockets(t, drain)
	fails(t, doctor.Options{URL: silent, Patience: impatience}, "version", "nothing answers", "signaling server")
	echo := sockets(t, func(c *websocket.Conn) {
		for {
			kind, r, err := c.NextReader()
			if err != nil {
				return
			}
			w, err := c.NextWriter(kind)
			if err != nil {
				return
			}
			_, _ = io.Copy(w, r)
			_ = w.Close()
		}
	})
	// It echoes the version, heartbeats and what is asked for; it has no links.
	fails(t, doctor.Options{URL: echo, Patience: impatience}, "connect", "no answer", "stopped answering")
	for reason, want := range map[string][2]string{
		"1012 Service restart": {"1012", "being restarted"},
		"4004 Server full":     {"4004", "limits"},
		"4500 Origin":          {"4500", "does not want"},
		"1011 \x1b[31mred":     {`\x1b[31mred`, ""}, // nothing of it reaches the terminal
	} {
		code, text, _ := strings.Cut(reason, " ")
		closing := sockets(t, func(c *websocket.Conn) {
			n := 1000*int(code[0]-'0') + 100*int(code[1]-'0') + 10*int(code[2]-'0') + int(code[3]-'0')
			_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(n, text), time.Now().Add(patience))
			drain(c)
		})
		fails(t, doctor.Options{URL: closing}, "version", want[0], want[1])
	}
	cut := sockets(t, func(c *websocket.Conn) { _ = c.NetConn().Close() })
	fails(t, doctor.Options{URL: cut}, "version", "broke", "cuts the connection")
}

// Something that changes what it passes on.
func TestAServerThatFalsifies(t *testing.T) {
	server := serve(t, signaling.Config{}, nil, nil)
	url := sockets(t, func(c *websocket.Conn) {
		behind, _, err := websocket.DefaultDialer.Dial(server, nil)
		if err != nil {
			return
		}
		go func() {
			defer behind.Close()
			for {
				_, p, err := c.ReadMessage()
				if err != nil || behind.WriteMessage(websocket.BinaryMessage, p) != nil {
					return
				}
			}
		}()
		for {
			_, p, err := behind.ReadMessage()
			if err != nil {
				return
			}
			if p[0] == byte(wire.ReliableMessage) {
				p[len(p)-1]++
			}
			if c.WriteMessage(websocket.BinaryMessage, p) != nil {
				return
			}
		}
	})
	fails(t, doctor.Options{URL: url}, "relay", "arrived as others", "changes")
}
