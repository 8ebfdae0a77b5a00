// Package lint holds the project's own rules for its code, as tests: what no
// library code may call, and what a name must say. Rules that a known linter
// has are left to it; "./build.sh lint" runs those.
package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// source is one Go file that is not a test.
type source struct {
	path string // from the root of the repository
	set  *token.FileSet
	file *ast.File
}

// sources reads all Go files but tests. Folders that start with "." or "_" are
// no part of the module, and may vanish while we look.
func sources(t *testing.T) []source {
	t.Helper()
	set := token.NewFileSet()
	var found []source
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && strings.ContainsAny(d.Name()[:1], "._") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		short, err := filepath.Rel(root, name)
		found = append(found, source{filepath.ToSlash(short), set, file})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("only %d files: the test looks in the wrong place", len(found))
	}
	return found
}

// program reports whether the file belongs to a program of ours, which may end
// its own process. The library is a main package too, but a guest in another's
// process.
func (s source) program() bool {
	return s.file.Name.Name == "main" && !strings.HasPrefix(s.path, "cexport/")
}

// deadly are the calls that end or crash the process.
var deadly = []string{
	"panic", "os.Exit", "syscall.Exit", "runtime.Goexit", "syscall.Kill",
	"log.Fatal", "log.Fatalf", "log.Fatalln", "log.Panic", "log.Panicf", "log.Panicln",
}

// deniedByAndroid is what Go asks the system that Android 11 and later refuse
// every app: the library takes its interfaces from pion's stdnet, which asks
// otherwise there.
var deniedByAndroid = []string{"net.Interfaces", "net.InterfaceAddrs", "net.InterfaceByName", "net.InterfaceByIndex"}

// violations lists the calls that the file may not make.
func violations(s source) []string {
	imports := importNames(s.file)
	var found []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		name, at := "", token.NoPos
		switch n := n.(type) {
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok {
				name, at = f.Name, f.Pos()
			}
		case *ast.SelectorExpr: // called, or passed on to be called
			if x, ok := n.X.(*ast.Ident); ok && imports[x.Name] != "" {
				name, at = imports[x.Name]+"."+n.Sel.Name, n.Pos()
			}
		}
		if slices.Contains(deadly, name) && (name != "os.Exit" || !s.program()) {
			found = append(found, s.set.Position(at).String()+": "+name)
		}
		if slices.Contains(deniedByAndroid, name) && !s.program() {
			found = append(found, s.set.Position(at).String()+": "+name)
		}
		return true
	})
	return found
}

// importNames says which import each name in the file stands for.
func importNames(file *ast.File) map[string]string {
	names := map[string]string{}
	for _, i := range file.Imports {
		full, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(full)
		if i.Name != nil {
			name = i.Name.Name
		}
		names[name] = full
	}
	return names
}

func TestTheLibraryCallsNothingForbidden(t *testing.T) {
	for _, s := range sources(t) {
		for _, v := range violations(s) {
			t.Error(v)
		}
	}
}

// The rule itself, on code that breaks it in every way.
func TestTheRuleSeesWhatItForbids(t *testing.T) {
	const guest = `package main
import ("net"; "os"; l "log"; "runtime")
func f(err error) {
	panic(err)
	os.Exit(1)
	l.Fatalf("%v", err)
	l.Panicln(err)
	defer runtime.Goexit()
	stop := os.Exit
	stop(2)
	l.Println(err)
	net.Interfaces()
}`
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "guest.go", guest, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := violations(source{"cexport/guest.go", set, file}); len(got) != 7 {
		t.Errorf("in the library: %q", got)
	}
	if got := violations(source{"cmd/unityp2p/guest.go", set, file}); len(got) != 4 {
		t.Errorf("in a program: %q", got)
	}
}

func TestPackagesHaveNamesThatSaySomething(t *testing.T) {
	empty := []string{"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "shared", "base"}
	for _, s := range sources(t) {
		for _, name := range append(strings.Split(path.Dir(s.path), "/"), s.file.Name.Name) {
			if slices.Contains(empty, name) {
				t.Errorf("%s: package %s", s.path, name)
			}
		}
	}
}
