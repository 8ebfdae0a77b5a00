package settings_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"unityp2p/cmd/unityp2p/settings"
)

// program has a setting of every kind.
type program struct {
	file, dir, name, word string
	on                    bool
	count                 int
	wait                  time.Duration
	list                  []string
}

func (p *program) table() *settings.Table {
	return &settings.Table{Command: "test", Prefix: "T_", Rows: []settings.Row{
		{Name: "file", File: true, Value: settings.Path(&p.file)},
		{Name: "dir", Key: "dir", Value: settings.Path(&p.dir)},
		{Name: "name", Key: "who.name", Value: settings.Text(&p.name)},
		{Name: "word", Key: "word", Value: settings.Choice(&p.word, "text", "json")},
		{Name: "on", Key: "on", Value: settings.Bool(&p.on)},
		{Name: "count", Key: "count", Value: settings.Number(&p.count, 1, 9)},
		{Name: "wait", Key: "wait", Value: settings.Duration(&p.wait, time.Second, time.Minute)},
		{Name: "list", Key: "list", Value: settings.List(&p.list, "words", settings.Any)},
		{Name: "secret", Key: "secret", Secret: true, Value: settings.Number(new(int), 1, 9)},
	}}
}

func load(t *testing.T, file string, environ []string, args ...string) (program, error) {
	t.Helper()
	var p program
	if file != "" {
		path := filepath.Join(t.TempDir(), "c.json")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-file", path)
	}
	err := p.table().Load(args, environ, io.Discard)
	return p, err
}

func TestEveryKindFromEverywhere(t *testing.T) {
	want := program{name: "n", word: "json", on: true, count: 3, wait: 2 * time.Second, list: []string{"a", "b"}}
	file := `{"dir":"d","who":{"name":"n"},"word":"json","on":true,"count":3,"wait":"2s","list":["a","b"]}`
	for from, get := range map[string]func() (program, error){
		"the file": func() (program, error) { return load(t, file, nil) },
		"variables": func() (program, error) {
			return load(t, "", []string{"T_DIR=d", "T_NAME=n", "T_WORD=json", "T_ON=1", "T_COUNT=3", "T_WAIT=2s", "T_LIST=a, b"})
		},
		"flags": func() (program, error) {
			return load(t, "", nil, "-dir", "d", "--name=n", "-word", "json", "-on", "-count", "3", "-wait", "2s", "-list", "a,b")
		},
	} {
		got, err := get()
		if err != nil {
			t.Errorf("%s: %v", from, err)
		}
		// In the file, a path is relative to it.
		if dir := map[bool]string{true: filepath.Join(filepath.Dir(got.file), "d"), false: "d"}[got.file != ""]; got.dir != dir {
			t.Errorf("%s: the directory is %q", from, got.dir)
		}
		if strings.Join(got.list, " ") != "a b" || got.name != want.name || got.word != want.word || !got.on || got.count != 3 || got.wait != want.wait {
			t.Errorf("%s: %+v", from, got)
		}
	}
	// A list replaces what was there.
	if p, err := load(t, file, []string{"T_LIST=c"}); err != nil || strings.Join(p.list, " ") != "c" {
		t.Errorf("%q, %v", p.list, err)
	}
}

func TestTheNearestName(t *testing.T) {
	for wrong, right := range map[string]string{
		`{"COUNT":1}`: `"count"`, `{"wiat":"1s"}`: `"wait"`, `{"name":"n"}`: `"who.name"`,
		`{"who":{"nam":"n"}}`: `"who.name"`, `{"who":{"count":1}}`: `"count"`, `{"":1}`: `"on"`,
		`{"` + strings.Repeat("x", 5000) + `":1}`: "nearest",
	} {
		if _, err := load(t, wrong, nil); err == nil || !strings.Contains(err.Error(), right) {
			t.Errorf("%.40s: %v", wrong, err)
		}
	}
	if _, err := load(t, "", nil, "-word", "jsno"); err == nil || !strings.Contains(err.Error(), "nearest is json") {
		t.Error(err)
	}
}

func TestASecretIsNotTold(t *testing.T) {
	for from, get := range map[string]func() (program, error){
		"the file":   func() (program, error) { return load(t, `{"secret":"hunter2"}`, nil) },
		"a variable": func() (program, error) { return load(t, "", []string{"T_SECRET=hunter2"}) },
		"a flag":     func() (program, error) { return load(t, "", nil, "-secret", "hunter2") },
	} {
		if _, err := get(); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", from, err)
		}
	}
}
