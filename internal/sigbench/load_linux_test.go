package sigbench

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// program builds the program, which is both servers.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "unityp2p")
	if out, err := exec.Command("go", "build", "-o", path, "unityp2p/cmd/unityp2p").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return path
}

// 5 000 peers stay while 4 000 joins are made, 200 a second if the machine can,
// and none fails. An idle peer takes less memory than at a plain server, by far.
func TestLoad(t *testing.T) {
	const peers, joins, rate = 5000, 4000, 200
	exe := program(t)
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	ours, err := Soak(ctx, Ours(exe), peers, joins, rate, 12*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Soak(ctx, Plain(exe), peers, 0, rate, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d joins in %v; an idle peer takes %.1f KB, at the plain server %.1f KB",
		joins, ours.Took.Round(time.Millisecond), ours.PerPeer/1024, plain.PerPeer/1024)
	if ours.PerPeer > 0.7*plain.PerPeer {
		t.Errorf("an idle peer takes %.0f bytes; at the plain server it is %.0f", ours.PerPeer, plain.PerPeer)
	}
}
