//go:build linux

package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// instruction is one of a Dockerfile.
type instruction struct {
	name string
	args string
}

// stage is what follows a FROM.
type stage struct {
	from, name   string
	instructions []instruction
}

// all returns the arguments of every instruction of this name.
func (s stage) all(name string) (args []string) {
	for _, i := range s.instructions {
		if i.name == name {
			args = append(args, i.args)
		}
	}
	return args
}

// one returns the arguments of the one instruction of this name.
func (s stage) one(t *testing.T, name string) string {
	t.Helper()
	args := s.all(name)
	if len(args) != 1 {
		t.Fatalf("the image has %d instructions %s", len(args), name)
	}
	return args[0]
}

// list is an instruction in its JSON form: the other one needs a shell.
func (s stage) list(t *testing.T, name string) (words []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(s.one(t, name)), &words); err != nil {
		t.Fatalf("%s is no JSON array of strings: %v", name, err)
	}
	return words
}

// copied is a file of an image.
type copied struct{ from, source, target, owner string }

var copyForm = regexp.MustCompile(`^(?:--from=(\S+) )?(?:--chown=(\S+) )?(\S.*) (\S+)$`)

func (s stage) copies(t *testing.T) (all []copied) {
	t.Helper()
	for _, args := range s.all("COPY") {
		m := copyForm.FindStringSubmatch(args)
		if m == nil {
			t.Fatalf("COPY %s is not understood", args)
		}
		all = append(all, copied{m[1], m[3], m[4], m[2]})
	}
	return all
}

// known are the instructions that the Dockerfile may have.
var known = regexp.MustCompile(`^(FROM|WORKDIR|COPY|RUN|ENV|USER|EXPOSE|STOPSIGNAL|ENTRYPOINT|CMD)$`)

var fromForm = regexp.MustCompile(`^(\S+)(?: AS (\S+))?$`)

// parseDockerfile reads one without continued lines, heredocs and arguments,
// which ours has no need of.
func parseDockerfile(t *testing.T) (stages []stage) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, args, _ := strings.Cut(line, " ")
		if !known.MatchString(name) || args == "" || strings.HasSuffix(args, "\\") || strings.ContainsAny(args, "$<") {
			t.Fatalf("the line %q of the Dockerfile is not understood", line)
		}
		if name == "FROM" {
			m := fromForm.FindStringSubmatch(args)
			if m == nil {
				t.Fatalf("FROM %s is not understood", args)
			}
			stages = append(stages, stage{from: m[1], name: m[2]})
			continue
		}
		if len(stages) == 0 {
			t.Fatalf("%s comes before FROM", name)
		}
		last := &stages[len(stages)-1]
		last.instructions = append(last.instructions, instruction{name, args})
	}
	return stages
}

// image is the last stage, which is what is deployed.
func image(t *testing.T) stage {
	t.Helper()
	stages := parseDockerfile(t)
	return stages[len(stages)-1]
}

// user is whom the image's process runs as.
func (s stage) user(t *testing.T) (uid, gid int) {
	t.Helper()
	if _, err := fmt.Sscanf(s.one(t, "USER"), "%d:%d", &uid, &gid); err != nil {
		t.Fatalf("USER is not two numbers, and the image has no names: %v", err)
	}
	return uid, gid
}

// The image is built by the command that the tests run, with the Go that go.mod
// asks for, and has nothing that a burglar could use.
func TestDockerfile(t *testing.T) {
	stages := parseDockerfile(t)
	if len(stages) != 2 {
		t.Fatalf("%d stages", len(stages))
	}
	build, image := stages[0], stages[1]
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(mod)
	if want := "golang:" + string(version[1]) + "-bookworm"; build.from != want {
		t.Errorf("it is built from %s, and go.mod wants %s", build.from, want)
	}
	if !strings.Contains(strings.Join(build.all("RUN"), "\n"), "./build.sh server") {
		t.Error("it is not built by ./build.sh server")
	}
	if image.from != "scratch" {
		t.Errorf("the image is from %s", image.from)
	}
	if len(image.all("RUN")) > 0 {
		t.Error("the image runs something while it is built, and has no shell")
	}
	if uid, gid := image.user(t); uid == 0 || gid == 0 {
		t.Error("the process is root")
	}
	if image.one(t, "EXPOSE") != strconv.Itoa(defaultPort(t)) {
		t.Errorf("it exposes %s, and the server listens on %d", image.one(t, "EXPOSE"), defaultPort(t))
	}
	if image.one(t, "STOPSIGNAL") != "SIGTERM" {
		t.Error("it is stopped by another signal than the server knows")
	}
	for _, c := range image.copies(t) {
		if c.from != build.name {
			t.Errorf("%s is copied from %q", c.source, c.from)
		}
	}
	if entry := image.list(t, "ENTRYPOINT"); len(entry) != 1 || entry[0] != "/unityp2p" {
		t.Errorf("the entry point is %q", entry)
	}
}
