package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// talkTo opens a socket, sends a heartbeat and awaits the answer.
func talkTo(t *testing.T, url string, trust *tls.Config) *websocket.Conn {
	t.Helper()
	dialer := websocket.Dialer{TLSClientConfig: trust}
	conn, _, err := dialer.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.WriteMessage(websocket.BinaryMessage, []byte{0xca}); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if _, p, err := conn.ReadMessage(); err != nil || !bytes.Equal(p, []byte{0xca}) {
		t.Fatalf("%s answered %x, %v", url, p, err)
	}
	return conn
}

func writeConfig(t *testing.T, dir, text string) string {
	t.Helper()
	file := filepath.Join(dir, "config.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const bothSections = `{"httpConfig":{"port":0,"host":"127.0.0.1"},
	"httpsConfig":{"port":0,"host":"127.0.0.1","ssl_key_file":"ssl.key","ssl_cert_file":"ssl.crt"}}`

func TestServeWithBothSections(t *testing.T) {
	dir := t.TempDir()
	roots := x509.NewCertPool()
	roots.AddCert(selfSigned(t, dir))
	trust := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	server := start(t, "serve", "-config", writeConfig(t, dir, bothSections))
	plain := strings.Fields(server.expect("listening on ws://"))[3]
	secure := strings.Fields(server.expect("listening on wss://"))[3]
	conns := []*websocket.Conn{talkTo(t, plain, nil), talkTo(t, secure, trust)}
	server.stop()
	for _, conn := range conns {
		if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseServiceRestart) {
			t.Errorf("at the end: %v", err)
		}
	}
	server.awaitEnd()
}

func TestServeWithPORT(t *testing.T) {
	t.Setenv("PORT", "0")
	server := start(t, "serve", "-config", writeConfig(t, t.TempDir(), bothSections)) // no certificate is there
	talkTo(t, strings.Fields(server.expect("listening on ws://127.0.0.1:"))[3], nil)
	server.stop()
	server.awaitEnd()
	for line := range server.lines {
		t.Errorf("it also said %q", line)
	}
}

func TestServeSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"port taken":      {"serve", "-addr", taken.Addr().String()},
		"no certificate":  {"serve", "-config", writeConfig(t, dir, bothSections)},
		"half of a pair":  {"serve", "-https-addr", "127.0.0.1:0", "-cert", filepath.Join(dir, "ssl.crt")},
		"nothing to do":   {"serve", "-config", writeConfig(t, t.TempDir(), "{}")},
		"not an address":  {"serve", "-addr", "127.0.0.1:x"},
		"no such section": {"serve", "-config", writeConfig(t, t.TempDir(), `{"httpsConfig":{"port":1}}`)},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if err := run(ctx, args, strings.NewReader(""), io.Discard, io.Discard); err == nil {
			t.Errorf("%s: no error", name)
		}
		cancel()
	}
}
