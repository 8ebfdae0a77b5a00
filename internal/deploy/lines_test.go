//go:build linux

package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// standIns are the tools that lead elsewhere. Each does here what matters to the
// line that calls it, below $REMOTE, and notes how it was called.
var standIns = map[string]string{
	"scp":       `for last; do :; done; [ "$last" = root@p2p.example.org: ] && cp "$1" "$2" "$REMOTE"`,
	"ssh":       `[ "$1" = root@p2p.example.org ] && cd "$REMOTE" && exec sh -ec "$2"`,
	"install":   `for last; do :; done; set -- "$@" "$REMOTE$last"; n=$#; i=0; for a; do i=$((i + 1)); shift; [ $i = $((n - 1)) ] || set -- "$@" "$a"; done; mkdir -p "$REMOTE$last"; exec /usr/bin/install "$@"`,
	"systemctl": `true`,
	"heroku":    `[ "$1" != create ] || { git init -q --bare "$REMOTE/heroku" && git remote add heroku "$REMOTE/heroku"; }`,
	"fly":       `[ "$1" != deploy ] || { [ "$2" = --config ] && [ -f "$3" ] && [ -f Dockerfile ]; }`,
	"docker":    `case "$*" in compose*) [ -n "$DOMAIN" ] && [ -f "$3" ] && { [ "$4" != -f ] || { [ -n "$ADDRESS" ] && [ -f "$5" ]; }; } ;; build*) [ -f Dockerfile ] ;; esac`,
}

// place is what a block of lines made.
type place struct {
	clone, remote string
	calls         string
}

// typed types a block of lines in a fresh clone.
func typed(t *testing.T, lines string) place {
	t.Helper()
	dir := t.TempDir()
	p := place{clone: filepath.Join(dir, "clone"), remote: filepath.Join(dir, "remote")}
	tools := filepath.Join(dir, "tools")
	for _, d := range []string{p.remote, tools} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, does := range standIns {
		script := "#!/bin/sh\necho \"" + name + " $*\" >>\"$REMOTE/calls\"\n" + does + "\n"
		if err := os.WriteFile(filepath.Join(tools, name), []byte(script), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	gitconfig := "[user]\nname = t\nemail = t@example.org\n[safe]\ndirectory = *\n"
	if err := os.WriteFile(filepath.Join(dir, "gitconfig"), []byte(gitconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	// What is being changed is not in git yet.
	prepare := `git clone -q "$SOURCE" clone && cd clone && git checkout -q -B main && cp -r "$SOURCE/deploy" "$SOURCE/Dockerfile" . &&
		git init -q --bare "$REMOTE/origin" && git remote set-url origin "$REMOTE/origin"`
	source, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-ec", prepare+"\nPATH=\"$TOOLS:$PATH\"\n"+lines)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SOURCE="+source, "REMOTE="+p.remote, "TOOLS="+tools, "GIT_CONFIG_GLOBAL="+filepath.Join(dir, "gitconfig"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, lines, out)
	}
	calls, err := os.ReadFile(filepath.Join(p.remote, "calls"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	p.calls = string(calls)
	return p
}

// pushed lists the top of what was pushed to a repository.
func (p place) pushed(t *testing.T, repository string) string {
	t.Helper()
	out, err := exec.Command("git", "-C", filepath.Join(p.remote, repository), "ls-tree", "--name-only", "main").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func blocks(t *testing.T, document string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, document))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string][]string)
	section := ""
	for _, m := range regexp.MustCompile("(?ms)^#+ ([^\n]*)$|^```sh\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		if m[1] != "" {
			section = m[1]
		} else {
			found[section] = append(found[section], m[2])
		}
	}
	return found
}

// What deploy/README.md says to type does what it says, from a fresh clone.
func TestTheLinesToType(t *testing.T) {
	all := blocks(t, "deploy/README.md")
	counts := map[string]int{"A machine of your own": 1, "Docker compose": 3, "Heroku": 2, "Fly.io": 1, "Render": 1}
	if len(all) != len(counts) {
		t.Errorf("there are lines in %d sections, of which the test types those of %d", len(all), len(counts))
	}
	for section, count := range counts {
		if len(all[section]) != count {
			t.Fatalf("%s has %d blocks", section, len(all[section]))
		}
	}
	t.Run("a machine", func(t *testing.T) {
		p := typed(t, all["A machine of your own"][0])
		if out, err := exec.Command(filepath.Join(p.remote, "usr/local/bin/unityp2p"), "version").CombinedOutput(); err != nil {
			t.Errorf("%v %s", err, out)
		}
		if _, err := os.Stat(filepath.Join(p.remote, "etc/systemd/system/unityp2p@.service")); err != nil {
			t.Error(err)
		}
		if !strings.Contains(p.calls, "systemctl enable --now unityp2p@p2p.example.org\n") {
			t.Errorf("calls:\n%s", p.calls)
		}
	})
	t.Run("docker", func(t *testing.T) {
		for _, lines := range all["Docker compose"] {
			typed(t, lines)
		}
	})
	t.Run("heroku", func(t *testing.T) {
		if top := typed(t, all["Heroku"][0]).pushed(t, "heroku"); !strings.Contains(top, "\nheroku.yml\n") || !strings.Contains(top, "Dockerfile\n") {
			t.Errorf("Heroku has\n%s", top)
		}
		p := typed(t, all["Heroku"][1])
		if top := p.pushed(t, "heroku"); !strings.Contains(top, "Procfile\n") || !strings.Contains(top, "\ngo.mod\n") {
			t.Errorf("Heroku has\n%s", top)
		}
		spec := regexp.MustCompile(`GO_INSTALL_PACKAGE_SPEC=(\S+)`).FindStringSubmatch(p.calls)
		if spec == nil {
			t.Fatalf("calls:\n%s", p.calls)
		}
		if _, err := os.Stat(filepath.Join(p.clone, spec[1], "main.go")); err != nil {
			t.Error(err)
		}
	})
	t.Run("fly", func(t *testing.T) { typed(t, all["Fly.io"][0]) })
	t.Run("render", func(t *testing.T) {
		if top := typed(t, all["Render"][0]).pushed(t, "origin"); !strings.Contains(top, "\nrender.yaml\n") || !strings.Contains(top, "Dockerfile\n") {
			t.Errorf("it has\n%s", top)
		}
	})
}

// The README's lines are these.
func TestTheREADMEHasTheSameLines(t *testing.T) {
	here, shown := blocks(t, "deploy/README.md"), blocks(t, "README.md")
	for section, first := range map[string]string{"On a machine of your own": "A machine of your own", "By docker compose": "Docker compose",
		"On Heroku": "Heroku", "On Fly.io": "Fly.io", "On Render": "Render"} {
		if len(shown[section]) != 1 || shown[section][0] != here[first][0] {
			t.Errorf("the README's section %q has %q", section, shown[section])
		}
	}
}
