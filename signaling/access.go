package signaling

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"unityp2p/core/wire"
)

// Access decides who is let in, by the token that comes with a socket. It is
// asked besides Config.AdminToken's registered tokens: one of both is enough.
type Access interface {
	// Admit judges a socket before its upgrade is answered: the token ("" if
	// none came) and the app's path. The error is a Denied, whose text the
	// client is told; of any other error it hears nothing but "Invalid token".
	// Many goroutines call it. It must not block.
	Admit(token, app string) (Grant, error)
}

// Denied says why a token does not let somebody in, in a few words that the
// client hears: the reason of the close frame (1008). At most 123 bytes.
type Denied string

// Error returns the text.
func (d Denied) Error() string { return "signaling: " + string(d) }

// Why a token is denied. Other words of an Access may come beside these.
const (
	DeniedInvalid Denied = "Invalid token" // what the original says
	DeniedMissing Denied = "token missing"
	DeniedExpired Denied = "token expired"
	DeniedEarly   Denied = "token not valid yet"
	DeniedApp     Denied = "token is not for this app"
)

// Grant is what a token allows. A socket keeps it for as long as it is open,
// also beyond the token's end.
type Grant struct {
	Host Rooms // which rooms it may host
	Join Rooms // which rooms it may join
}

// Rooms is a set of room names. The zero value is empty.
type Rooms struct {
	All      bool
	Names    []string // exactly these
	Prefixes []string // all that begin with one of these
}

// Has tells whether the room with that name is in the set. Names are compared
// code unit by code unit, as addresses are.
func (r Rooms) Has(room string) bool { return r.has(wire.AddressOf(room)) }

func (r Rooms) has(address wire.Address) bool {
	if r.All {
		return true
	}
	for _, name := range r.Names {
		if address == wire.AddressOf(name) {
			return true
		}
	}
	for _, prefix := range r.Prefixes {
		if strings.HasPrefix(string(address), string(wire.AddressOf(prefix))) {
			return true
		}
	}
	return false
}

// maxToken bounds a token. What is longer is not even looked at.
const maxToken = 4096

// tokenOf returns the token that came with an upgrade: of the Authorization
// header (RFC 6750), which no access log writes down; else of the query, as
// userToken, the original's name for it, or token.
func tokenOf(r *http.Request) string {
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	q := r.URL.Query()
	if token := q.Get("userToken"); token != "" {
		return token
	}
	return q.Get("token")
}

// admit judges an upgrade: what it may do (nil: everything), or why not.
func (s *Server) admit(r *http.Request) (*Grant, error) {
	if s.config.AdminToken == "" && s.config.Access == nil {
		return nil, nil //nolint:nilnil // everybody may do everything
	}
	token := tokenOf(r)
	if len(token) > maxToken {
		return nil, DeniedInvalid
	}
	if s.config.AdminToken != "" && s.tokens.valid(token, time.Now()) {
		return nil, nil //nolint:nilnil // a registered token allows everything
	}
	if s.config.Access == nil {
		return nil, DeniedInvalid
	}
	grant, err := s.config.Access.Admit(token, r.URL.Path)
	if err != nil {
		return nil, err
	}
	return &grant, nil
}

// denial is what the client hears.
func denial(err error) string {
	var why Denied
	if !errors.As(err, &why) || len(why) > maxCloseReason {
		why = DeniedInvalid
	}
	return string(why)
}

const maxCloseReason = 123 // RFC 6455 section 5.5

// explainListen returns why a name is refused, and tells the socket where the
// refusal itself does not.
func (a *app) explainListen(p *peer, allowed bool, there []*peer) Refusal {
	switch {
	case !allowed:
		p.explain(noID, wire.RefusedHosting, "the token does not allow to host this room")
		return RefusedHosting
	case len(there) == 1 && there[0].lost != nil:
		p.explain(noID, wire.RefusedHeld, "the name is kept for a host that lost its connection")
	}
	return RefusedListen
}
