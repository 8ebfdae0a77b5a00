// Package lint holds the project's own rules for its code, as tests: what may
// import what, and what no library code may call.
package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// goFiles calls f for every Go file that is not a test.
func goFiles(t *testing.T, f func(path string, set *token.FileSet, file *ast.File)) {
	t.Helper()
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		f(path, set, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A library must not end or crash its host's process.
func TestNoPanicAndNoExitOutsideMain(t *testing.T) {
	forbidden := []string{"panic", "os.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln", "log.Panic", "log.Panicf", "log.Panicln", "runtime.Goexit"}
	goFiles(t, func(_ string, set *token.FileSet, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name := callee(call)
			if !slices.Contains(forbidden, name) || (file.Name.Name == "main" && name == "os.Exit") {
				return true
			}
			t.Errorf("%v: %s", set.Position(call.Pos()), name)
			return true
		})
	})
}

func callee(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name + "." + f.Sel.Name
		}
	}
	return ""
}

func TestPackagesHaveNamesThatSaySomething(t *testing.T) {
	goFiles(t, func(path string, _ *token.FileSet, file *ast.File) {
		if slices.Contains([]string{"util", "utils", "common", "helpers", "helper", "manager", "misc"}, file.Name.Name) {
			t.Errorf("%s: package %s", path, file.Name.Name)
		}
	})
}

// Everything that others can use is documented.
func TestExportedNamesHaveComments(t *testing.T) {
	goFiles(t, func(_ string, set *token.FileSet, file *ast.File) {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || exportedReceiver(d)) && !stringer(d) {
					t.Errorf("%v: %s has no comment", set.Position(d.Pos()), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok && s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
						t.Errorf("%v: %s has no comment", set.Position(s.Pos()), s.Name.Name)
					}
				}
			}
		}
	})
}

func exportedReceiver(d *ast.FuncDecl) bool {
	kind := d.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	name, ok := kind.(*ast.Ident)
	return ok && name.IsExported()
}

// stringer reports whether the method's name says all there is to say.
func stringer(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"String", "Error", "Unwrap"}, d.Name.Name)
}

func deps(t *testing.T, pkg string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", pkg)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", pkg, err)
	}
	return strings.Fields(string(out))
}

// Imports run one way: cmd, cexport -> core, signaling -> core/wire.
func TestImportsRunOneWay(t *testing.T) {
	for pkg, forbidden := range map[string]string{
		"./core/wire":      `^unityp2p/(core$|core/link|core/sigclient|signaling|cexport|cmd)|pion|gorilla`,
		"./core/link":      `^unityp2p/(core$|core/sigclient|signaling|cexport|cmd)|gorilla`,
		"./core/sigclient": `^unityp2p/(core$|core/link|signaling|cexport|cmd)|pion`,
		"./core":           `^unityp2p/(signaling|cexport|cmd)`,
		"./signaling":      `^unityp2p/(core$|core/link|core/sigclient|cexport|cmd)|pion`,
		"./cmd/unityp2p":   `^unityp2p/cexport`,
		"./cexport":        `^unityp2p/cmd|prometheus|jwt|autocert|acme|redis|turn/v[0-9]+/internal/server`,
	} {
		match := regexp.MustCompile(forbidden)
		for _, d := range deps(t, pkg) {
			// pion/ice imports all of pion/turn; its server is linked only if used.
			if match.MatchString(d) && !strings.HasPrefix(d, "github.com/pion/turn/") {
				t.Errorf("%s imports %s", pkg, d)
			}
		}
	}
}

// Only the C library knows C.
func TestOnlyTheLibraryUsesCgo(t *testing.T) {
	goFiles(t, func(path string, _ *token.FileSet, file *ast.File) {
		for _, i := range file.Imports {
			if i.Path.Value == `"C"` && !strings.HasPrefix(path, filepath.Join(root, "cexport")) {
				t.Errorf("%s uses cgo", path)
			}
			if strings.Contains(i.Path.Value, "pion/turn") {
				t.Errorf("%s imports a TURN server", path)
			}
		}
	})
}

// The numbers of the C header and of package core are the same.
func TestCodesAreThoseOfTheHeader(t *testing.T) {
	header, err := os.ReadFile(filepath.Join(root, "include/p2p.h"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{
		"RoomTaken": "P2P_TROUBLE_ROOM_TAKEN", "Unavailable": "P2P_TROUBLE_UNREACHABLE",
		"TokenRefused": "P2P_TROUBLE_TOKEN_REFUSED", "Refused": "P2P_TROUBLE_REFUSED",
		"NoHost": "P2P_TROUBLE_NO_HOST", "SignalingLost": "P2P_TROUBLE_SIGNALING_LOST",
		"ConnectFailed": "P2P_TROUBLE_CONNECT_FAILED", "AddressInUse": "P2P_TROUBLE_ADDRESS_IN_USE",
		"ListenFailed": "P2P_TROUBLE_LISTEN_FAILED", "RemovedByHost": "P2P_TROUBLE_REMOVED",
		"RoomFull": "P2P_TROUBLE_ROOM_FULL", "InternalFailed": "P2P_TROUBLE_INTERNAL",
		"Left": "P2P_REASON_LEFT", "Removed": "P2P_REASON_REMOVED", "Local": "P2P_REASON_LOCAL",
		"TimedOut": "P2P_REASON_TIMED_OUT", "Closed": "P2P_REASON_CLOSED",
		"Protocol": "P2P_REASON_PROTOCOL", "Replaced": "P2P_REASON_REPLACED",
		"RoomOpen": "P2P_EVENT_ROOM_OPEN", "RoomTrouble": "P2P_EVENT_ROOM_TROUBLE",
		"Connected": "P2P_EVENT_CONNECTED", "Disconnected": "P2P_EVENT_DISCONNECTED",
		"Message": "P2P_EVENT_MESSAGE", "Unreachable": "P2P_EVENT_UNREACHABLE",
		"Reachable": "P2P_EVENT_REACHABLE",
	}
	found := 0
	goFiles(t, func(path string, _ *token.FileSet, file *ast.File) {
		if filepath.Dir(path) != filepath.Join(root, "core") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			value, ok := spec.Values[0].(*ast.BasicLit)
			name := names[spec.Names[0].Name]
			if !ok || name == "" {
				return true
			}
			found++
			line := regexp.MustCompile(fmt.Sprintf(`#define %s +%s\b`, name, value.Value))
			if !line.Match(header) {
				t.Errorf("%s is %s in package core, and something else in the header", name, value.Value)
			}
			return true
		})
	})
	if found != len(names) {
		t.Errorf("found %d of %d names in package core", found, len(names))
	}
}
