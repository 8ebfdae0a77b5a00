package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"unityp2p/signaling"
)

// TestMain takes what the tests are told themselves out of the environment: to
// the server it would be unknown settings.
func TestMain(m *testing.M) {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "UNITYP2P_") || strings.EqualFold(name, "PORT") {
			_ = os.Unsetenv(name)
		}
	}
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// original is a config.json as the original server has it.
const original = "\xef\xbb\xbf" + `{
  "log_verbose": true,
  "adminToken": "hush-hush",
  "httpConfig": {"port": 12776, "host": "0.0.0.0"},
  "httpsConfig": {"port": 12777, "host": "0.0.0.0", "ssl_key_file": "ssl.key", "ssl_cert_file": "ssl.crt"},
  "maxPayload": 1048576,
  "apps": [
    {"name": "Default", "path": "/", "address_sharing": false},
    {"name": "Shared", "path": "/shared", "address_sharing": true}
  ]
}`

// loadSettings reads a config file, unless its text is "", and variables.
func loadSettings(t *testing.T, text string, environ []string, args ...string) (*serveSettings, error) {
	t.Helper()
	if text != "" {
		args = append([]string{"-config", writeConfig(t, t.TempDir(), text)}, args...)
	}
	c := newServeSettings()
	return c, c.load(c.table(), input{args, environ, io.Discard})
}

func TestTheOriginalsConfigIsRead(t *testing.T) {
	c, err := loadSettings(t, original, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := c.signaling
	if !c.verbose || s.AdminToken != "hush-hush" || s.MaxPayload != 1<<20 || len(s.Apps) != 2 || !s.Apps[1].AddressSharing || s.Apps[0].Name != "Default" {
		t.Errorf("read as %+v", c)
	}
	if c.http.address() != "0.0.0.0:12776" || c.https.address() != "0.0.0.0:12777" {
		t.Errorf("endpoints %+v %+v", c.http, c.https)
	}
	if c.key != filepath.Join(filepath.Dir(c.file), "ssl.key") || c.cert != filepath.Join(filepath.Dir(c.file), "ssl.crt") {
		t.Errorf("files %q %q", c.key, c.cert)
	}
	if _, err := signaling.New(s); err != nil {
		t.Error(err)
	}
	if c, err := loadSettings(t, `{"adminToken":null,"httpsConfig":null,"httpConfig":{"port":1}}`, nil); err != nil || c.https.on() || c.http.address() != ":1" {
		t.Errorf("null: %+v, %v", c, err)
	}
}

func TestPortInTheEnvironmentLeavesOnlyHTTP(t *testing.T) {
	for _, name := range []string{"PORT", "port"} {
		c, err := loadSettings(t, original, []string{name + "=5000"})
		if err != nil || c.https.on() || c.http.address() != "0.0.0.0:5000" {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	if c, err := loadSettings(t, "", []string{"port=1", "PORT=5000"}); err != nil || c.http.address() != ":5000" {
		t.Errorf("%+v, %v", c, err)
	}
	// What does not count then may be wrong.
	broken := `{"httpsConfig":{"port":443},"httpConfig":{"port":-1,"host":"127.0.0.1"}}`
	c, err := loadSettings(t, broken, []string{"PORT=5000"})
	if err != nil || c.https.on() || c.http.address() != "127.0.0.1:5000" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := loadSettings(t, original, []string{"PORT=x"}); err == nil {
		t.Error("a PORT that is no number was accepted")
	}
}

// A flag counts before a variable, that before PORT, PORT before the file, and
// the file before the default.
func TestWhatCounts(t *testing.T) {
	const file = `{"maxPayload": 1000, "httpConfig": {"port": 1}, "drain": "1s"}`
	for _, step := range []struct {
		file          string
		environ, args []string
		addr          string
		payload       int64
		from          string // maxPayload
	}{
		{"", nil, nil, ":12776", 1 << 20, "default"},
		{file, nil, nil, ":1", 1000, "config.json"},
		{file, []string{"PORT=2"}, nil, ":2", 1000, "config.json"},
		{file, []string{"PORT=2", "UNITYP2P_ADDR=:3", "UNITYP2P_MAX_PAYLOAD=2000"}, nil, ":3", 2000, "UNITYP2P_MAX_PAYLOAD"},
		{file, []string{"PORT=2", "UNITYP2P_ADDR=:3", "UNITYP2P_MAX_PAYLOAD=2000"}, []string{"-addr", ":4", "-max-payload", "3000"}, ":4", 3000, "-max-payload"},
		{file, []string{"UNITYP2P_MAX_PAYLOAD="}, nil, ":1", 1000, "config.json"}, // an empty one says nothing
	} {
		c := newServeSettings()
		table := c.table()
		args := step.args
		if step.file != "" {
			args = append(args, "-config", writeConfig(t, t.TempDir(), step.file))
		}
		if err := c.load(table, input{args, step.environ, io.Discard}); err != nil {
			t.Errorf("%+v: %v", step, err)
		}
		if c.http.address() != step.addr || c.signaling.MaxPayload != step.payload || table.Source("max-payload") != step.from {
			t.Errorf("%+v: %s, %d from %s", step, c.http.address(), c.signaling.MaxPayload, table.Source("max-payload"))
		}
	}
	path := writeConfig(t, t.TempDir(), file)
	if c, err := loadSettings(t, "", []string{"UNITYP2P_CONFIG=" + path}); err != nil || c.signaling.MaxPayload != 1000 {
		t.Errorf("the file that a variable names: %v", err)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	const fine = `{"httpConfig":{"port":0}}`
	for _, m := range []struct {
		file          string
		environ, args []string
		want          []string
	}{
		{"", nil, []string{"-drian", "1s"}, []string{"-drian", "nearest is -drain"}},
		{"", nil, []string{"-port", "1"}, []string{"-port", "-h shows all"}},
		{"", nil, []string{"-turn-relays", "192.0.2.1"}, []string{"-turn-relays", "turn is not"}},
		{`{"httpConfig": {"port": 0}, "turn": {"names": ["a"]}}`, nil, nil, []string{"config.json", "turn-names", "turn is not"}},
		{"", nil, []string{"-max_payload=1"}, []string{"-max_payload", "-max-payload"}},
		{"", nil, []string{"-drain", "soon"}, []string{"-drain", `"soon"`, "10s"}},
		{"", nil, []string{"-drain", "20m"}, []string{"from 0s to 10m"}},
		{"", nil, []string{"-drain"}, []string{"-drain"}},
		{"", nil, []string{"-apps", "/a,b"}, []string{"-apps", `"b"`}},
		{"", []string{"UNITYP2P_ADMINTOKEN=x"}, nil, []string{"UNITYP2P_ADMINTOKEN", "UNITYP2P_ADMIN_TOKEN"}},
		{"", []string{"UNITYP2P_VERBOSE=maybe"}, nil, []string{"UNITYP2P_VERBOSE", "true or false"}},
		{"", []string{"UNITYP2P_PRINT_CONFIG=true"}, nil, []string{"UNITYP2P_PRINT_CONFIG"}},
		{`{"maxpayload": 1}`, nil, nil, []string{"config.json", `"maxpayload"`, `"maxPayload"`}},
		{`{"httpConfig": {"prot": 1}}`, nil, nil, []string{`"httpConfig.prot"`, `"httpConfig.port"`}},
		{`{"port": 1}`, nil, nil, []string{`"port"`, `"httpConfig.port"`}},
		{`{"httpConfig": {"port": "1"}}`, nil, nil, []string{"httpConfig.port", "whole number"}},
		{`{"httpConfig": {"host": "a"}}`, nil, nil, []string{"httpConfig", "no port"}},
		{`{"httpConfig": 1}`, nil, nil, []string{"httpConfig", "object"}},
		{`{"apps": [{"path": "/", "adress_sharing": true}]}`, nil, nil, []string{`"adress_sharing"`, `"address_sharing"`}},
		{"{\n\"apps\": [\n", nil, nil, []string{"line 3"}},
		{`{"log_verbose": "yes"}`, nil, nil, []string{"log_verbose", "true or false"}},
		// All of them at once.
		{`{"maxPayload": -1}`, []string{"UNITYP2P_DRAIN=x"}, []string{"-addr", "y"}, []string{"maxPayload", "UNITYP2P_DRAIN", "-addr"}},
	} {
		_, err := loadSettings(t, m.file, m.environ, m.args...)
		if err == nil {
			t.Errorf("%+v: no error", m)
			continue
		}
		for _, text := range m.want {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%+v: %q lacks %q", m, err, text)
			}
		}
	}
	// What Kubernetes says of a service called unityp2p is no mistake.
	if _, err := loadSettings(t, fine, []string{"UNITYP2P_SERVICE_HOST=10.0.0.1", "UNITYP2P_PORT=tcp://10.0.0.1:80", "UNITYP2P_PORT_80_TCP_ADDR=10.0.0.1"}); err != nil {
		t.Error(err)
	}
}

func TestWrongConfigsAreRefused(t *testing.T) {
	for _, text := range []string{" ", "[]", "{", "null", `{"maxPayload":-1}`, `{"httpConfig":{"port":70000}}`, `{"httpsConfig":{"port":1}}`, `{"httpConfig":{"port":1},"apps":[{"path":"x"}]}`, `{"httpConfig":{"port":1},"apps":[{"path":"/"},{"path":"/"}]}`} {
		if c, err := loadSettings(t, text, nil); err == nil {
			t.Errorf("%s was read as %+v", text, c)
		}
	}
	for _, apps := range [][]signaling.App{{{Path: "x"}}, {{Path: "/"}, {Path: "/"}}} {
		if _, err := signaling.New(signaling.Config{Apps: apps}); err == nil {
			t.Errorf("apps %+v were accepted", apps)
		}
	}
	large := writeConfig(t, t.TempDir(), strings.Repeat(" ", 1<<20)+"{}")
	if _, err := loadSettings(t, "", nil, "-config", large); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("a large file: %v", err)
	}
}

func TestPrintConfig(t *testing.T) {
	file := writeConfig(t, t.TempDir(), original)
	t.Setenv("UNITYP2P_DRAIN", "7s")
	var out bytes.Buffer
	args := []string{"serve", "-config", file, "-max-payload", "70000", "-print-config"}
	if err := run(context.Background(), args, strings.NewReader(""), &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	for _, want := range []string{"addr 0.0.0.0:12776 config.json", "apps /,/shared=sharing config.json", "admin-token (hidden) config.json",
		"max-payload 70000 -max-payload", "drain 7s UNITYP2P_DRAIN", "config " + file + " -config"} {
		if !slices.Contains(lines, want) {
			t.Errorf("no line %q in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), `hush-hush`) {
		t.Errorf("the secret is in\n%s", &out)
	}
	// Nor does a mistake tell it.
	_, err := loadSettings(t, `{"adminToken": ["hush-hush"]}`, nil)
	if err == nil || strings.Contains(err.Error(), "hush-hush") {
		t.Errorf("%v", err)
	}
}

func TestHelpHasEverySetting(t *testing.T) {
	var help bytes.Buffer
	err := run(context.Background(), []string{"serve", "-h"}, strings.NewReader(""), io.Discard, &help)
	if !errors.Is(err, flag.ErrHelp) {
		t.Fatal(err)
	}
	for _, r := range newServeSettings().table().Rows {
		if !strings.Contains(help.String(), "-"+r.Name) || !strings.Contains(help.String(), r.Usage) {
			t.Errorf("-%s is not in the help", r.Name)
		}
	}
}

// FuzzConfig gives a config file anything, which costs an error at most.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(original))
	f.Add([]byte(`{"drain":"1s","apps":[{"paht":"/"}],"httpConfig":{"a":{"b":null}}}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(dir, "config.json")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		c := newServeSettings()
		if err := c.load(c.table(), input{args: []string{"-config", file}}); err == nil {
			if _, err := signaling.New(c.signaling); err != nil {
				t.Errorf("the settings passed, the server said %v", err)
			}
		}
	})
}
