package docs

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workflow is what counts here of a file of GitHub's.
type workflow struct {
	Permissions map[string]string
	Jobs        map[string]struct {
		Permissions map[string]string
		Steps       []struct{ Run, Uses string }
	}
}

// mayWrite are the jobs that may do more than read the repository.
var mayWrite = map[string]map[string]string{"release.yml release": {"contents": "write"}}

// What a workflow does can be done by hand: each step that runs something is one command
// of build.sh. What comes from others is named by its commit, and may only read.
func TestWorkflowsRunCommandsOfBuildSh(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, ".github/workflows/*.yml"))
	if err != nil || len(files) < 3 {
		t.Fatalf("%v: the test looks in the wrong place: %v", files, err)
	}
	commands := buildCommands(t)
	pinned := regexp.MustCompile(`^[\w-]+/[\w./-]+@[0-9a-f]{40}$`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var w workflow
		if err := yaml.Unmarshal(text, &w); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := filepath.Base(file)
		if !maps.Equal(w.Permissions, map[string]string{"contents": "read"}) {
			t.Errorf("%s: its permissions are %v", name, w.Permissions)
		}
		for title, job := range w.Jobs {
			if !maps.Equal(job.Permissions, mayWrite[name+" "+title]) {
				t.Errorf("%s, %s: its permissions are %v", name, title, job.Permissions)
			}
			for _, step := range job.Steps {
				words := strings.Fields(step.Run)
				switch {
				case step.Uses != "" && !pinned.MatchString(step.Uses):
					t.Errorf("%s, %s: %s is not named by its commit", name, title, step.Uses)
				case step.Uses == "" && (len(words) == 0 || words[0] != "./build.sh" || strings.ContainsAny(step.Run, "\n;|&$`")):
					t.Errorf("%s, %s: %q is no command of build.sh", name, title, step.Run)
				case len(words) > 1 && !slices.ContainsFunc(commands, func(c string) bool { matched, _ := filepath.Match(c, words[1]); return matched }):
					t.Errorf("%s, %s: build.sh has no %s", name, title, words[1])
				}
			}
		}
	}
}

// buildCommands are the patterns that build.sh compares its first argument with.
func buildCommands(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "build.sh"))
	if err != nil {
		t.Fatal(err)
	}
	_, cases, found := strings.Cut(string(text), "case \"${1:-library}\" in\n")
	if !found {
		t.Fatal("build.sh chooses its commands in another way")
	}
	var commands []string
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z][^)\n]*)\)`).FindAllStringSubmatch(cases, -1) {
		commands = append(commands, strings.Split(strings.ReplaceAll(m[1], " ", ""), "|")...)
	}
	return commands
}
