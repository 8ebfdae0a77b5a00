// Package docs holds the tests of the documentation: every snippet compiles,
// every command is one that the tests run, and every link leads somewhere.
package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

var documents = []string{
	"README.md", "docs/protocol.md", "docs/signaling.md", "deploy/README.md", "docs/benchmarks.md", "docs/testing.md", "docs/networks.md", "docs/platforms.md", "docs/watching.md", "examples/c/README.md",
	"unity/README.md", "unity/Documentation~/index.md", "unity/Documentation~/install.md",
	"unity/Documentation~/first-evening.md", "unity/Documentation~/api.md", "unity/Documentation~/lifetimes.md",
	"unity/Documentation~/platforms.md", "unity/Documentation~/moving.md", "unity/Documentation~/signaling.md",
	"unity/Documentation~/troubleshooting.md",
}

// block is one fenced block of a document.
type block struct{ document, language, text string }

func blocks(t *testing.T, language string) []block {
	t.Helper()
	var found []block
	fence := regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	for _, d := range documents {
		text, err := os.ReadFile(filepath.Join(root, d))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range fence.FindAllSubmatch(text, -1) {
			if string(m[1]) == language {
				found = append(found, block{d, language, string(m[2])})
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("no %s blocks: the test looks in the wrong place", language)
	}
	return found
}

func TestCSnippetsCompile(t *testing.T) {
	for _, b := range blocks(t, "c") {
		cmd := exec.Command("gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"+filepath.Join(root, "include"), "-x", "c", "-")
		cmd.Stdin = strings.NewReader(b.text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s\n%s", b.document, err, out, b.text)
		}
	}
}

func TestGoSnippetsCompile(t *testing.T) {
	for _, b := range blocks(t, "go") {
		// Inside the module, so that its packages are found, and under a name
		// that ./... leaves out.
		dir, err := os.MkdirTemp(root, "_snippet")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(b.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("go", "vet", dir).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s\n%s", b.document, err, out, b.text)
		}
	}
}

const tokensTest = "cmd/unityp2p: TestTokensOfTheProgramOpenItsServer"

// runBy says which test runs a command of the documents.
var runBy = map[string]string{
	"./build.sh":                "build.sh test: step library",
	"./build.sh test":           "this",
	"./build.sh deps":           "build.sh test-platforms",
	"./build.sh all":            "build.sh test-platforms",
	"./build.sh check":          "build.sh test-platforms",
	"./build.sh sizes":          "build.sh test-platforms",
	"./build.sh package":        "build.sh test-platforms",
	"./build.sh test-platforms": "by hand, and in the workflow: it takes longer than the tests may",
	"./build.sh demo":           "build.sh test: step demo",
	"./build.sh bench --json build/bench.json --plot docs/benchmarks.svg": "build.sh test: step bench",
	"./build.sh test-soak":                "by hand: it takes more than an hour",
	"./build.sh chat":                     "build.sh test: step chat",
	"./build.sh server":                   "build.sh test: step server",
	"build/chat host lobby --serve":       "cexport/ctest: TestChat",
	"build/chat join lobby":               "cexport/ctest: TestChat",
	"build/unityp2p host lobby":           "cmd/unityp2p: TestTalk",
	"build/unityp2p join lobby":           "cmd/unityp2p: TestTalk",
	"build/unityp2p serve":                "cmd/unityp2p: TestServe",
	"openssl rand -hex 32 > token.secret": tokensTest,
	"build/unityp2p serve -addr 127.0.0.1:0 -token-secret-file token.secret":   tokensTest,
	"build/unityp2p token -secret-file token.secret -host -room lobby -for 2h": tokensTest,
	"build/unityp2p token -secret-file token.secret -join -prefix lob -for 2h": tokensTest,
	"build/unityp2p doctor ws://127.0.0.1:12776":                               "cmd/unityp2p: TestDoctor",
	"build/unityp2p serve -metrics-addr 127.0.0.1:9464":                        "cmd/unityp2p: TestWhatThereIsBesidesSignaling",
	"build/unityp2p bench signaling":                                           "cmd/unityp2p: TestBenchMeasures",
	"build/unityp2p serve -turn":                                               "cmd/unityp2p: TestServeWithTURN",
	"build/unityp2p serve -print-config":                                       "cmd/unityp2p: TestPrintConfig",
	"build/unityp2p cert localhost 127.0.0.1":                                  "cmd/unityp2p: TestCert",
	"build/unityp2p serve -https-addr :12777 -cert ssl.crt -key ssl.key":       "cmd/unityp2p: TestCert",
	"gcc -Iinclude examples/c/chat.c -Lunity/Plugins/Linux/x86_64 -lunityp2p -lpthread -Wl,-rpath,$PWD/unity/Plugins/Linux/x86_64 -o build/chat": "build.sh test: step chat",
	"gcc lobby.c -Iinclude -Lunity/Plugins/Linux/x86_64 -lunityp2p -Wl,-rpath,$PWD/unity/Plugins/Linux/x86_64 -o build/lobby":                    "cexport/ctest: TestReadme",
	"build/lobby": "cexport/ctest: TestReadme",
}

// deployLines are the lines of deploy/README.md, all of which internal/deploy types
// in TestTheLinesToType.
func deployLines(t *testing.T) map[string]bool {
	t.Helper()
	lines := make(map[string]bool)
	for _, b := range blocks(t, "sh") {
		for line := range strings.Lines(b.text) {
			if b.document == "deploy/README.md" {
				lines[strings.TrimSpace(line)] = true
			}
		}
	}
	return lines
}

func TestEveryCommandIsRunByATest(t *testing.T) {
	deploy := deployLines(t)
	for _, b := range blocks(t, "sh") {
		for line := range strings.Lines(b.text) {
			if line = strings.TrimSpace(line); line != "" && runBy[line] == "" && !deploy[line] {
				t.Errorf("%s: no test runs %q", b.document, line)
			}
		}
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)
	for _, d := range documents {
		text, err := os.ReadFile(filepath.Join(root, d))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllSubmatch(text, -1) {
			target := string(m[1])
			if strings.HasPrefix(target, "http") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(d), target)); err != nil {
				t.Errorf("%s: %v", d, err)
			}
		}
	}
}
