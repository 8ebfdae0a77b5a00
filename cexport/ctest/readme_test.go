//go:build linux

package ctest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The short program of the README, built by the README's line in a folder that is
// laid out as a clone is after build.sh. It says what is wrong while nobody hosts
// the room, and then what the chat's host says.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	program := regexp.MustCompile("(?s)```c\n(.*?)```").FindSubmatch(text)
	line := regexp.MustCompile("(?m)^gcc lobby.c .*$").Find(text)
	if program == nil || line == nil {
		t.Fatal("the README has no program in C, or no line that builds it")
	}
	file, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	if file, err = filepath.Abs(file); err != nil {
		t.Fatal(err)
	}
	include, err := filepath.Abs("../../include")
	if err != nil {
		t.Fatal(err)
	}
	clone, port := t.TempDir(), freePort(t)
	plugins := filepath.Join(clone, "unity/Plugins/Linux/x86_64")
	for _, dir := range []string{plugins, filepath.Join(clone, "build")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{include: filepath.Join(clone, "include"), file: filepath.Join(plugins, "libunityp2p.so")} {
		if err := os.Symlink(from, to); err != nil {
			t.Fatal(err)
		}
	}
	code := strings.ReplaceAll(string(program[1]), ":12776", ":"+port)
	if err := os.WriteFile(filepath.Join(clone, "lobby.c"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, nil, "sh", "-c", `cd "$0" && eval "$1"`, clone, string(line))

	// stdbuf, since what goes into a pipe would else wait for more.
	lobby := talk(t, "stdbuf", "-oL", filepath.Join(clone, "build/lobby"))
	lobby.expect("check the URL and that the server runs; trying again")
	chat, _ := compile(t, "../../examples/c/chat.c", "../../include", shared)
	host := talk(t, chat, "host", "lobby", "--serve", port, "--signaling", "ws://127.0.0.1:"+port, "--loopback-only", "--ice", "")
	host.expect("hello")
	host.say("good evening")
	lobby.expect("good evening")
	host.say("/quit")
	host.awaitEnd()
}
