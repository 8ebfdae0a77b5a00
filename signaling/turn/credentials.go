package turn

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // what draft-uberti-behave-turn-rest-00 and other TURN servers use
	"encoding/base64"
	"encoding/hex"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"
	pion "github.com/pion/turn/v5"

	"unityp2p/signaling"
)

// realm is the realm of the long-term credentials (RFC 8489 section 9.2).
const realm = "unityp2p"

// ICEServers returns the server as it is handed to one player, with credentials
// that nobody else has (draft-uberti-behave-turn-rest-00: a username that begins
// with the time when they end, and its HMAC as the password).
func (s *Server) ICEServers() []signaling.ICEServer {
	username := strconv.FormatInt(time.Now().Add(s.config.Lifetime).Unix(), 10) + ":" + newPlayer()
	return []signaling.ICEServer{
		{URLs: s.stunURLs},
		{URLs: s.turnURLs, Username: username, Credential: s.password(username), Lifetime: s.config.Lifetime},
	}
}

func newPlayer() string {
	var id [12]byte
	_, _ = rand.Read(id[:]) // it never fails
	return hex.EncodeToString(id[:])
}

func (s *Server) password(username string) string {
	mac := hmac.New(sha1.New, s.config.Secret)
	_, _ = mac.Write([]byte(username)) // it never fails
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// spell notes the ways to reach the server. tlsPort is 0 if there is no TLS.
func (s *Server) spell(port, tlsPort int) {
	for _, name := range s.config.Names {
		at := net.JoinHostPort(name, strconv.Itoa(port))
		s.stunURLs = append(s.stunURLs, "stun:"+at)
		s.turnURLs = append(s.turnURLs, "turn:"+at+"?transport=udp", "turn:"+at+"?transport=tcp")
		if tlsPort != 0 {
			s.turnURLs = append(s.turnURLs, "turns:"+net.JoinHostPort(name, strconv.Itoa(tlsPort))+"?transport=tcp")
		}
	}
}

// authenticate finds the key of a request, with which its integrity is checked.
// A relay that there is goes on when its credentials have ended, so that a game
// may last longer than they do; a new one needs such as are still good.
func (s *Server) authenticate(r *pion.RequestAttributes) (player string, key []byte, ok bool) {
	text, player, _ := strings.Cut(r.Username, ":")
	end, err := strconv.ParseInt(text, 10, 64)
	if err != nil || r.Realm != realm || (r.Method == stun.MethodAllocate && time.Now().Unix() > end) {
		s.refuse(RefusedCredentials)
		return "", nil, false
	}
	return player, pion.GenerateAuthKey(r.Username, r.Realm, s.password(r.Username)), true
}

// authenticated is told how the check ended.
func (s *Server) authenticated(_, _ net.Addr, _, _, _, _ string, good bool) {
	if !good {
		s.refuse(RefusedCredentials)
	}
}
