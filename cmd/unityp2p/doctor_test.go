package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"unityp2p/cmd/unityp2p/certs"
)

// doctorSays runs the command as a shell would.
func doctorSays(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var b bytes.Buffer
	err = run(ctx, append([]string{"doctor"}, args...), strings.NewReader(""), &b, io.Discard)
	return b.String(), err
}

func TestDoctor(t *testing.T) {
	url, _ := serveForTest(t)
	out, err := doctorSays(t, url)
	if err != nil || strings.Count(out, "✓ ") != 9 || !strings.Contains(out, "✓ channel  two players met") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = doctorSays(t, "-timeout", "5s", strings.TrimSuffix(url, "/")+"/nowhere", "-token", "hush")
	if !errors.Is(err, errUnwell) || !strings.Contains(out, "✗ version  the server has no app at the path /nowhere\n           The URL's path") ||
		!strings.Contains(out, "- channel  not tried") || strings.Contains(out, "hush") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDoctorInJSON(t *testing.T) {
	url, _ := serveForTest(t)
	var found struct {
		OK    bool
		Steps []struct{ Name, Outcome, Detail, Advice string }
	}
	out, err := doctorSays(t, url, "-json")
	if err := errors.Join(err, json.Unmarshal([]byte(out), &found)); err != nil || !found.OK || len(found.Steps) != 13 || found.Steps[4].Name != "upgrade" || found.Steps[4].Outcome != "passed" {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = doctorSays(t, "--json", "http://example.org")
	if jsonErr := json.Unmarshal([]byte(out), &found); !errors.Is(err, errUnwell) || jsonErr != nil || found.OK || found.Steps[0].Advice == "" {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDoctorTrustsWhatItIsToldTo(t *testing.T) {
	dir := t.TempDir()
	pair, err := certs.NewPair([]string{"127.0.0.1"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(dir, "ssl.crt"), filepath.Join(dir, "ssl.key")
	if err := errors.Join(os.WriteFile(cert, pair.Certificate, 0o600), os.WriteFile(key, pair.Key, 0o600)); err != nil {
		t.Fatal(err)
	}
	server := start(t, "serve", "-https-addr", "127.0.0.1:0", "-cert", cert, "-key", key)
	url := strings.Fields(server.expect("listening on wss://"))[3]
	if out, err := doctorSays(t, url); !errors.Is(err, errUnwell) || !strings.Contains(out, "vouches for itself") {
		t.Errorf("without a word: %v\n%s", err, out)
	}
	if out, err := doctorSays(t, url, "-roots", cert); err != nil {
		t.Errorf("with -roots: %v\n%s", err, out)
	}
	if out, err := doctorSays(t, url, "-tls-pin", pair.Fingerprint); err != nil {
		t.Errorf("with a pin: %v\n%s", err, out)
	}
}

func TestDoctorsFlags(t *testing.T) {
	for _, args := range [][]string{{}, {"ws://a", "ws://b"}, {"ws://a", "-nonsense"}, {"ws://a", "-roots", "/nowhere"}, {"ws://a", "-timeout", "-1s"}, {"ws://a", "-roots", "main.go"}} {
		if out, err := doctorSays(t, args...); err == nil || errors.Is(err, errUnwell) {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
	if _, err := doctorSays(t, "-h"); !errors.Is(err, flag.ErrHelp) {
		t.Error(err)
	}
	t.Setenv(tokenVariable, "from the environment")
	o, asJSON, err := parseDoctor([]string{"ws://a", "--idle", "--json", "-ice", "stun:b,turn:c user pass"}, io.Discard)
	if err != nil || !asJSON || o.Idle != idleTime || o.Token != "from the environment" || len(o.ICE) != 2 || o.ICE[1].Credential != "pass" {
		t.Errorf("%+v %v %v", o, asJSON, err)
	}
}
