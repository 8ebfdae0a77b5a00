package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const testSecret = "0123456789abcdef0123456789abcdef"

func lookupSecret(name string) (string, bool) { return testSecret + "\n", name == tokenSecretVariable }

func nothing(string) (string, bool) { return "", false }

// printed runs a command that prints a line and ends.
func printed(t *testing.T, command string) string {
	t.Helper()
	var out bytes.Buffer
	if err := run(context.Background(), strings.Fields(command), nil, &out, io.Discard); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return strings.TrimSpace(out.String())
}

// The lines of the documentation: what `token` makes, `serve` takes: the host gets in with its token, the client
// with its own, and neither with the other's, nor anybody with none.
func TestTokensOfTheProgramOpenItsServer(t *testing.T) {
	t.Chdir(t.TempDir())
	secret, err := exec.Command("openssl", "rand", "-hex", "32").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("token.secret", secret, 0o600); err != nil {
		t.Fatal(err)
	}
	server := start(t, strings.Fields("serve -addr 127.0.0.1:0 -token-secret-file token.secret")...)
	line := server.expect("listening on ")
	_, url, _ := strings.Cut(line, "listening on ")
	hosts := printed(t, "token -secret-file token.secret -host -room lobby -for 2h")
	joins := printed(t, "token -secret-file token.secret -join -prefix lob -for 2h")
	common := []string{"lobby", "-signaling", url, "-ice", "none", "-loopback-only", "-token"}
	nobody := start(t, append([]string{"host"}, append(common, "wrong")...)...)
	nobody.expect("refused the token")
	stranger := start(t, append([]string{"host"}, append(common, joins)...)...)
	stranger.expect("does not allow")
	host := start(t, append([]string{"host"}, append(common, hosts)...)...)
	host.expect("* the room is open")
	client := start(t, append([]string{"join"}, append(common, joins)...)...)
	client.expect("joined (host")
	host.expect("joined (member")
}

func TestTokenMistakes(t *testing.T) {
	short := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(short, []byte("tooshort"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := []string{"-host", "-room", "a"}
	for _, tt := range []struct {
		args   []string
		lookup func(string) (string, bool)
		want   string
	}{
		{good, nothing, tokenSecretVariable},
		{append(good, testSecret), nothing, "command line"},
		{[]string{"-room", "a"}, lookupSecret, "-host, -join"},
		{[]string{"-host"}, lookupSecret, "-room NAME"},
		{append(good, "-for", "-1h"), lookupSecret, "-for"},
		{append(good, "-secret-file", short), nothing, "at least 32"},
		{append(good, "-secret-file", short+"er"), nothing, "reading the secret"},
		{append(good, "-prefix", strings.Repeat("x", 4000)), lookupSecret, "more than 4096"},
	} {
		var out bytes.Buffer
		err := token(tt.args, tt.lookup, &out, io.Discard)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "tooshort") || out.Len() > 0 {
			t.Errorf("%v: %v, %q; want %q", tt.args, err, out.String(), tt.want)
		}
	}
	for _, args := range [][]string{
		{"serve", "-token-secret", "tooshort"},
		{"serve", "-token-secret", testSecret, "-token-secret-file", short},
	} {
		if err := run(context.Background(), args, nil, io.Discard, io.Discard); err == nil || strings.Contains(err.Error(), "tooshort") {
			t.Errorf("%v: %v", args, err)
		}
	}
}
