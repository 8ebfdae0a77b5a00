//go:build linux

package ctest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"unityp2p/signaling"
)

func TestThePinnedCertificateIsTrusted(t *testing.T) {
	s, err := signaling.New(signaling.Config{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewTLSServer(s)
	defer web.Close()
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
	}()
	program, _ := harness(t, "library_pin")
	pin := sha256.Sum256(web.Certificate().Raw)
	run(t, nil, program, strings.Replace(web.URL, "https", "wss", 1)+"/", fmt.Sprintf("%x", pin))
}
