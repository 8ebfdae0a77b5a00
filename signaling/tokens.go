package signaling

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// maxTokens bounds the registered tokens; beyond it registering fails.
const maxTokens = 100_000

// tokens are the user tokens that are valid now. They are kept as hashes, so
// that looking one up takes the same time whatever it begins with.
type tokens struct {
	mu      sync.Mutex
	expires map[[sha256.Size]byte]time.Time
}

// register makes a token valid until then. Registering again sets a new time.
func (t *tokens) register(token string, now, until time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.expires == nil {
		t.expires = make(map[[sha256.Size]byte]time.Time)
	}
	if len(t.expires) >= maxTokens {
		t.purge(now)
	}
	key := sha256.Sum256([]byte(token))
	if _, known := t.expires[key]; !known && len(t.expires) >= maxTokens {
		return errors.New("too many tokens are registered")
	}
	t.expires[key] = until
	return nil
}

func (t *tokens) valid(token string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := sha256.Sum256([]byte(token))
	until, known := t.expires[key]
	if known && !now.Before(until) {
		delete(t.expires, key)
		return false
	}
	return known
}

func (t *tokens) purge(now time.Time) {
	for key, until := range t.expires {
		if !now.Before(until) {
			delete(t.expires, key)
		}
	}
}

const (
	maxAdminBody    = 64 << 10
	maxTokenTimeout = 10 * 365 * 24 * 3600 // seconds
)

// admin is POST /api/admin/regUserToken: it registers a user token.
func (s *Server) admin(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
	case http.MethodGet, http.MethodHead:
		http.NotFound(w, r)
		return
	default:
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	if s.config.AdminToken == "" || !equal(r.Header.Get("Authorization"), s.config.AdminToken) {
		s.log.Warn("admin call refused")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte("Unauthorized")) // without http.Error's newline, as the original
		return
	}
	code := s.registerToken(r.Body)
	if code != http.StatusOK {
		http.Error(w, http.StatusText(code), code)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte("{\"status\":\"ok\"}\n"))
}

func (s *Server) registerToken(body io.Reader) int {
	data, err := io.ReadAll(io.LimitReader(body, maxAdminBody+1))
	if err != nil || len(data) > maxAdminBody {
		return http.StatusBadRequest
	}
	if !json.Valid(data) {
		return http.StatusInternalServerError // what the original answers
	}
	token, timeout, ok := tokenRequest(data)
	if !ok {
		return http.StatusBadRequest
	}
	now := time.Now()
	until := now.Add(time.Duration(timeout * float64(time.Second)))
	if err := s.tokens.register(token, now, until); err != nil {
		s.log.Warn("token not registered", "error", err)
		return http.StatusServiceUnavailable
	}
	s.log.Info("token registered", "seconds", timeout)
	return http.StatusOK
}

// tokenRequest reads the fields of an admin call. They go through a map since
// encoding/json would take "usertoken" for userToken, and null for absent.
func tokenRequest(data []byte) (token string, seconds float64, ok bool) {
	var fields map[string]any
	if json.Unmarshal(data, &fields) != nil {
		return "", 0, false
	}
	token, isText := fields["userToken"].(string)
	seconds, isNumber := fields["timeout"].(float64)
	return token, seconds, isText && token != "" && isNumber && seconds >= 0 && seconds <= maxTokenTimeout
}

// equal compares two secrets in constant time.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
