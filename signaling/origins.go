package signaling

import (
	"fmt"
	"net/url"
	"strings"
)

// parseOrigins reads Config.Origins. nil: every origin is allowed.
func parseOrigins(origins []string) (map[string]struct{}, error) {
	if len(origins) == 0 {
		return nil, nil
	}
	allowed := make(map[string]struct{}, len(origins))
	for _, o := range origins {
		u, err := url.Parse(o)
		if err != nil || u.Scheme == "" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			return nil, fmt.Errorf(`signaling: %q is no origin; one looks like "https://example.org"`, o)
		}
		allowed[strings.ToLower(u.Scheme+"://"+u.Host)] = struct{}{}
	}
	return allowed, nil
}

// allows tells whether a page of this origin may connect. What sends no Origin
// is no page, and its visitors' browsers need no protection from it.
func (s *Server) allows(origin string) bool {
	if s.origins == nil || origin == "" {
		return true
	}
	_, ok := s.origins[strings.ToLower(origin)]
	return ok
}
