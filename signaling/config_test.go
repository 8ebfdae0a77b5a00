package signaling_test

import (
	"os"
	"path/filepath"
	"testing"

	"unityp2p/signaling"
)

// original is a config.json as the original server has it.
const original = "\xef\xbb\xbf" + `{
  "log_verbose": true,
  "adminToken": "secret",
  "httpConfig": {"port": 12776, "host": "0.0.0.0"},
  "httpsConfig": {"port": 12777, "host": "0.0.0.0", "ssl_key_file": "ssl.key", "ssl_cert_file": "ssl.crt"},
  "maxPayload": 1048576,
  "apps": [
    {"name": "Default", "path": "/", "address_sharing": false},
    {"name": "Shared", "path": "/shared", "address_sharing": true}
  ]
}`

func environment(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	}
}

func TestTheOriginalsConfigIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(original), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := signaling.LoadConfig(file, environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	if !c.Verbose || c.AdminToken != "secret" || c.MaxPayload != 1<<20 || len(c.Apps) != 2 || !c.Apps[1].AddressSharing {
		t.Errorf("read as %+v", c)
	}
	if c.HTTP.Address() != "0.0.0.0:12776" || c.HTTPS.Address() != "0.0.0.0:12777" {
		t.Errorf("endpoints %+v %+v", c.HTTP, c.HTTPS)
	}
	if c.HTTPS.KeyFile != filepath.Join(filepath.Dir(file), "ssl.key") {
		t.Errorf("key file %q", c.HTTPS.KeyFile)
	}
	if _, err := signaling.New(c.Config); err != nil {
		t.Error(err)
	}
}

func TestPortInTheEnvironmentLeavesOnlyHTTP(t *testing.T) {
	for _, name := range []string{"PORT", "port"} {
		c, err := signaling.ParseConfig([]byte(original), environment(map[string]string{name: "5000"}))
		if err != nil || c.HTTPS != nil || c.HTTP.Address() != "0.0.0.0:5000" {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	// What does not count then may be wrong.
	broken := `{"httpsConfig":{"port":443},"httpConfig":{"port":-1,"host":"127.0.0.1"}}`
	c, err := signaling.ParseConfig([]byte(broken), environment(map[string]string{"PORT": "5000"}))
	if err != nil || c.HTTPS != nil || c.HTTP.Address() != "127.0.0.1:5000" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := signaling.ParseConfig([]byte(original), environment(map[string]string{"PORT": "x"})); err == nil {
		t.Error("a PORT that is no number was accepted")
	}
}

func TestWrongConfigsAreRefused(t *testing.T) {
	for _, text := range []string{"", "[]", "{", `{"maxPayload":-1}`, `{"httpConfig":{"port":70000}}`, `{"httpsConfig":{"port":1}}`} {
		if c, err := signaling.ParseConfig([]byte(text), environment(nil)); err == nil {
			t.Errorf("%s was read as %+v", text, c)
		}
	}
	for _, apps := range [][]signaling.App{{{Path: "x"}}, {{Path: "/"}, {Path: "/"}}} {
		if _, err := signaling.New(signaling.Config{Apps: apps}); err == nil {
			t.Errorf("apps %+v were accepted", apps)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(original))
	f.Fuzz(func(_ *testing.T, data []byte) {
		c, err := signaling.ParseConfig(data, environment(nil))
		if err == nil {
			_, _ = signaling.New(c.Config)
		}
	})
}
