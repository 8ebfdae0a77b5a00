package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var update = flag.Bool("update", false, "write the table of settings into docs/signaling.md")

const manual = "../../docs/signaling.md"

// The table in docs/signaling.md is that of the code.
func TestTheManualHasEverySetting(t *testing.T) {
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?s)(<!-- settings:[^\n]*-->\n)(.*?)(<!-- end of settings -->\n)`).FindSubmatchIndex(text)
	if m == nil {
		t.Fatal("docs/signaling.md has no place for the settings")
	}
	table := []byte("\n" + newServeSettings().table().Markdown() + "\n")
	if bytes.Equal(text[m[4]:m[5]], table) {
		return
	}
	if !*update {
		t.Fatal(`docs/signaling.md has another table of settings than the code: "go test ./cmd/unityp2p -update" writes it`)
	}
	written := append(append(append([]byte{}, text[:m[4]]...), table...), text[m[5]:]...)
	if err := os.WriteFile(manual, written, 0o644); err != nil { //nolint:gosec // a document
		t.Fatal(err)
	}
}

// The config file in docs/signaling.md is one that the server takes.
func TestTheManualsConfig(t *testing.T) {
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```json\n(.*?)^```$").FindAllSubmatch(text, -1)
	if len(blocks) != 1 {
		t.Fatalf("%d config files", len(blocks))
	}
	c, err := loadSettings(t, string(blocks[0][1]), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.http.address() != "0.0.0.0:12776" || c.https.address() != "0.0.0.0:12777" || c.cert != filepath.Join(filepath.Dir(c.file), "ssl.crt") || len(c.signaling.Apps) != 2 {
		t.Errorf("read as %+v", c)
	}
}
