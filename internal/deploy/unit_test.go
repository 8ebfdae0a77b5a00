//go:build linux

package deploy

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// unit is a unit of systemd: what stands at each name.
type unit map[string][]string

func parseUnit(t *testing.T, text string) unit {
	t.Helper()
	u := make(unit)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '[' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Fatalf("the line %q has no =", line)
		}
		u[name] = append(u[name], value)
	}
	return u
}

func (u unit) one(t *testing.T, name string) string {
	t.Helper()
	if len(u[name]) != 1 {
		t.Fatalf("the unit says %s %d times", name, len(u[name]))
	}
	return u[name][0]
}

func (u unit) seconds(t *testing.T, name string) time.Duration {
	t.Helper()
	n, err := strconv.Atoi(u.one(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n) * time.Second
}
