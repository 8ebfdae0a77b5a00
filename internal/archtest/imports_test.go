// Package archtest holds what must stay true of the project as a whole, as
// tests: what may import what, and that the C header and package core agree.
package archtest

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

const module = "unityp2p/"

// pkg is what go list says of a package.
type pkg struct {
	ImportPath string
	CgoFiles   []string
	Imports    []string
	Deps       []string
}

// list loads the packages that the patterns name, with cgo, as the library is
// built.
func list(t *testing.T, patterns ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,CgoFiles,Imports,Deps"}, patterns...)...)
	cmd.Dir = root
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v", patterns, err)
	}
	var found []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		found = append(found, p)
	}
	if len(found) == 0 {
		t.Fatalf("go list %v: no packages", patterns)
	}
	return found
}

// mayImport says which of our packages each may import. One that is not here
// has no place in the design yet.
var mayImport = map[string][]string{
	"core/wire":             {},
	"core/badnet":           {},
	"core/link":             {"core/badnet", "core/wire", "internal/pionlog"},
	"core/sigclient":        {"core/wire"},
	"core":                  {"core/badnet", "core/link", "core/sigclient", "core/wire"},
	"signaling":             {"core/wire"},
	"signaling/jwt":         {"signaling"},
	"signaling/metrics":     {"core/wire", "signaling", "signaling/turn"},
	"signaling/status":      {},
	"signaling/turn":        {"internal/pionlog", "internal/steady", "signaling"},
	"cexport":               {"core", "signaling"},
	"cexport/ctest":         {},
	"cmd/unityp2p":          {"cmd/unityp2p/certs", "cmd/unityp2p/settings", "core", "internal/doctor", "internal/sigbench", "internal/steady", "signaling", "signaling/jwt", "signaling/metrics", "signaling/status", "signaling/turn"},
	"cmd/unityp2p/certs":    {},
	"cmd/unityp2p/settings": {},
	"examples/go":           {"core"},
	"internal/archtest":     {},
	"internal/bench":        {"signaling"},
	"internal/bench/raw":    {},
	"internal/chromium":     {},
	"internal/cutnet":       {},
	"internal/deploy":       {},
	"internal/docs":         {},
	"internal/doctor":       {"core", "core/sigclient", "core/wire"},
	"internal/check":        {},
	"internal/game":         {"core"},
	"internal/game/player":  {"internal/game"},
	"internal/library":      {},
	"internal/lint":         {},
	"internal/matrix":       {},
	"internal/netlab":       {},
	"internal/notices":      {},
	"internal/pionlog":      {},
	"internal/plugins":      {},
	"internal/sigbench":     {"core/wire"},
	"internal/stay":         {},
	"internal/steady":       {},
	"internal/unitypackage": {"signaling"},
}

// Imports run one way: cmd, cexport -> core, signaling -> core/wire. In
// particular nothing imports cexport.
func TestImportsRunOneWay(t *testing.T) {
	for _, p := range list(t, "./...") {
		name := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("%s has no place in the order of imports", name)
		}
		for _, i := range p.Imports {
			if own, ok := strings.CutPrefix(i, module); ok && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s", name, own)
			}
		}
	}
}

// foreign says what must not be among a package's dependencies, however deep.
var foreign = map[string]string{
	"./core/wire":      `^github\.com/|^golang\.org/|^net$`,
	"./core/sigclient": `/pion/`,
	"./core/link":      `/gorilla/|^net/http$`,
	"./signaling":      `/pion/|prometheus|jwt|acme|autocert`,
	"./cexport":        `prometheus|jwt|acme|autocert|redis`,
}

// The signaling server knows no WebRTC, and the library that a game loads brings
// no metrics, tokens or certificates with it.
func TestNobodyDrawsInWhatIsNotTheirs(t *testing.T) {
	for pattern, forbidden := range foreign {
		match := regexp.MustCompile(forbidden)
		for _, d := range list(t, pattern)[0].Deps {
			if match.MatchString(d) {
				t.Errorf("%s depends on %s", pattern, d)
			}
		}
	}
}

// Only the library knows C. The engine's packages then build for every platform
// without a C compiler.
func TestOnlyTheLibraryUsesCgo(t *testing.T) {
	for _, p := range list(t, "./...") {
		if len(p.CgoFiles) > 0 && p.ImportPath != module+"cexport" {
			t.Errorf("%s uses cgo: %v", p.ImportPath, p.CgoFiles)
		}
	}
}

// namesTURN are those who may name pion/turn: pion/ice needs its client, but its
// server, in the same package, is linked only into what names it.
var namesTURN = []string{"internal/doctor", "signaling/turn"}

func TestNobodyElseNamesTURN(t *testing.T) {
	for _, p := range list(t, "./...") {
		for _, i := range p.Imports {
			if strings.Contains(i, "/pion/turn") && !slices.Contains(namesTURN, strings.TrimPrefix(p.ImportPath, module)) {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
	}
}

// A test that looks at nothing finds nothing.
func TestTheListIsThatOfTheTree(t *testing.T) {
	var names []string
	for _, p := range list(t, "./...") {
		names = append(names, strings.TrimPrefix(p.ImportPath, module))
	}
	for name := range mayImport {
		if !slices.Contains(names, name) {
			t.Errorf("there is no package %s any more", name)
		}
	}
}
