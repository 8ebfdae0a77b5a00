// Package jwt lets people into a signaling server by signed tokens: JSON Web
// Tokens (RFC 7519) with HMAC-SHA256 (RFC 7515), made by a game's own backend or
// by `unityp2p token`. Nothing is looked up: what a token allows stands in it.
package jwt

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"unityp2p/signaling"
)

// MinSecret is the least length of a secret in bytes (RFC 7518 section 3.2).
const MinSecret = 32

// MaxToken is the most that a token may have in bytes.
const MaxToken = 4096

// skew is how far two clocks may be apart.
const skew = 10 * time.Second

// What a client hears of a token besides the reasons of package signaling.
const (
	DeniedEndless signaling.Denied = "token has no end (exp)"
	DeniedEmpty   signaling.Denied = "token allows nothing"
)

// Claims are what a token says. The names in it are those in brackets.
type Claims struct {
	App      string   // (app) path of the app, such as "/chat"; "": any
	Host     bool     // (host) may host the rooms
	Join     bool     // (join) may join the rooms
	Rooms    []string // (rooms) names of rooms
	Prefixes []string // (prefixes) what names of rooms may begin with; "" is every room

	From  time.Time // (nbf) not before this; zero: at once
	Until time.Time // (exp) not from here on; must be set
}

// claims are those of the token as JSON.
type claims struct {
	App      string   `json:"app,omitempty"`
	Host     bool     `json:"host,omitempty"`
	Join     bool     `json:"join,omitempty"`
	Rooms    []string `json:"rooms,omitempty"`
	Prefixes []string `json:"prefixes,omitempty"`
	jwt.RegisteredClaims
}

// Access is a signaling.Access, and makes the tokens that it admits. It may be
// used by many goroutines.
type Access struct {
	secret []byte
	parser *jwt.Parser
}

// New takes the secret that tokens are signed with.
func New(secret []byte) (*Access, error) {
	if len(secret) < MinSecret {
		return nil, fmt.Errorf("jwt: the secret has %d bytes; at least %d are needed: openssl rand -hex 32 makes one", len(secret), MinSecret)
	}
	return &Access{
		secret: slices.Clone(secret),
		parser: jwt.NewParser(
			// Only this one: neither none, nor an algorithm by which a public key
			// would be taken for the secret.
			jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
			jwt.WithExpirationRequired(), jwt.WithLeeway(skew), jwt.WithStrictDecoding(),
		),
	}, nil
}

// Sign makes a token.
func (a *Access) Sign(c Claims) (string, error) {
	if c.Until.IsZero() {
		return "", errors.New("jwt: a token needs an end")
	}
	body := claims{App: c.App, Host: c.Host, Join: c.Join, Rooms: c.Rooms, Prefixes: c.Prefixes}
	body.ExpiresAt = jwt.NewNumericDate(c.Until)
	if !c.From.IsZero() {
		body.NotBefore = jwt.NewNumericDate(c.From)
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, body).SignedString(a.secret)
	if err != nil {
		return "", fmt.Errorf("jwt: signing a token: %w", err)
	}
	if len(token) > MaxToken {
		return "", fmt.Errorf("jwt: the token has %d bytes, more than %d; name fewer rooms, or a prefix", len(token), MaxToken)
	}
	return token, nil
}

// Admit implements signaling.Access.
func (a *Access) Admit(token, app string) (signaling.Grant, error) {
	if token == "" {
		return signaling.Grant{}, signaling.DeniedMissing
	}
	if len(token) > MaxToken {
		return signaling.Grant{}, signaling.DeniedInvalid
	}
	var c claims
	_, err := a.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return a.secret, nil })
	if err != nil {
		return signaling.Grant{}, denied(err)
	}
	if c.App != "" && c.App != app {
		return signaling.Grant{}, signaling.DeniedApp
	}
	rooms := signaling.Rooms{Names: c.Rooms, Prefixes: c.Prefixes}
	if (!c.Host && !c.Join) || len(c.Rooms)+len(c.Prefixes) == 0 {
		return signaling.Grant{}, DeniedEmpty
	}
	var g signaling.Grant
	if c.Host {
		g.Host = rooms
	}
	if c.Join {
		g.Join = rooms
	}
	return g, nil
}

// denied is what the client hears. Of a token whose signature is wrong, nothing
// is looked at, and nothing is told.
func denied(err error) error {
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return signaling.DeniedExpired
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return signaling.DeniedEarly
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return DeniedEndless
	}
	return signaling.DeniedInvalid
}
