package signaling

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// Every refusal is in the documentation, with what the client sees.
func TestRefusalsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if word, rest, ok := strings.Cut(strings.TrimPrefix(line, "| `"), "`"); ok {
			rows[word] = rest
		}
	}
	for _, r := range Refusals() {
		row, ok := rows[string(r)]
		if !ok {
			t.Errorf("docs/protocol.md lacks %q", r)
			continue
		}
		want := ""
		switch code, reason := r.closing(); {
		case r.status() != 0:
			want = "HTTP " + strconv.Itoa(r.status())
		case code >= 4000:
			want = strconv.Itoa(code) + " `" + reason + "`"
		case code != websocket.CloseNoStatusReceived:
			want = strconv.Itoa(code)
		}
		if !strings.Contains(row, want) {
			t.Errorf("docs/protocol.md says of %q %s; it is %s", r, row, want)
		}
	}
}

// The ranges of codes say whether to come back.
func TestCodesAreInTheirRanges(t *testing.T) {
	seen := map[int]Refusal{}
	for _, r := range Refusals() {
		code, reason := r.closing()
		if code < 4000 {
			continue
		}
		if other, taken := seen[code]; taken || code > 4999 || reason == "" {
			t.Errorf("%q closes with %d %q, as %q does", r, code, reason, other)
		}
		seen[code] = r
	}
	if RefusedConnections.status() != http.StatusServiceUnavailable || RefusedAddress.status() != http.StatusTooManyRequests {
		t.Error("for those for whom there is no room there is a status")
	}
}
