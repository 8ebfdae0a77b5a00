//go:build linux

package unitypackage

import (
	"strings"
	"syscall"
	"testing"
)

// Play, stop, play again, reload scripts with and without a game that plays,
// quit: nothing leaks, nothing hangs, and nothing comes from the run before. With
// the editor's hooks, and with Scripts/ alone, as some copy it.
func TestTheEditorLives(t *testing.T) {
	dir := project(t)
	exe := program(t, dir, "EditorLife", "testdata/EditorLife.cs")
	for _, runtime := range runtimes {
		for _, mode := range []string{"package", "scripts-only"} {
			t.Run(runtime+", "+mode, func(t *testing.T) {
				out := run(t, beside(dir), runtime, exe, mode)
				for _, wrong := range []string{"leak", "late"} {
					if strings.Contains(out, wrong) {
						t.Fatalf("something is wrong:\n%s", out)
					}
				}
				if got := strings.Count(out, "reloaded"); got != 2 {
					t.Errorf("%d reloads of 2", got)
				}
				if mode == "package" && !strings.Contains(out, "refused: ") {
					t.Errorf("a room opened while the editor quits:\n%s", out)
				}
			})
		}
	}
}

// A phone's pause is not the end of its room; a silent phone is reported, and its
// return; and a game that quits without disposing says goodbye all the same.
func TestPlayersLive(t *testing.T) {
	dir := project(t)
	exe := program(t, dir, "Phone", "testdata/Phone.cs")
	url := strings.Replace(serveSignaling(t), "http", "ws", 1)
	host := start(t, beside(dir), "mono", exe, "desktop", "host", url)
	host.await(t, "state Connected")
	phone := start(t, beside(dir), "mono-boehm", exe, "phone", "join", url)
	host.await(t, "^connected")
	phone.await(t, "^connected")

	phone.say("pause")
	phone.await(t, "^paused")
	phone.say("resume")
	phone.await(t, "^resumed")
	phone.say("send")
	host.await(t, "^heard 7")

	freeze(t, phone, syscall.SIGSTOP)
	host.await(t, "^unreachable")
	freeze(t, phone, syscall.SIGCONT)
	host.await(t, "^reachable")
	host.say("send")
	phone.await(t, "^heard 7")

	phone.say("quit")
	phone.end(t)
	host.await(t, "^gone: Left")
	host.say("quit")
	host.end(t)
}

func freeze(t *testing.T, c *child, signal syscall.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}
