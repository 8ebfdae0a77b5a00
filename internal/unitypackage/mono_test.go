//go:build linux

package unitypackage

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"unityp2p/internal/library"
)

const (
	root     = "../.."
	unity    = root + "/unity"
	patience = 4 * time.Minute

	nunitFolder  = "/usr/lib/cli/nunit.framework-2.6.3"
	nunitConsole = "/usr/lib/nunit/nunit-console.exe"
)

// runtimes are Mono's own collector, and Boehm's, which Unity has.
var runtimes = []string{"mono", "mono-boehm"}

// scratch is where what tests share is built.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "unitypackage"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(scratch)
	os.Exit(code)
}

// needMono skips the test where Mono is not installed; in ./build.sh test it is.
func needMono(t *testing.T) {
	t.Helper()
	for _, tool := range append([]string{"mcs", "nunit-console"}, runtimes...) {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("UNITYP2P_ALL_TESTS") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
}

func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// sources are the C# files in these folders of the repository.
func sources(t *testing.T, folders ...string) []string {
	t.Helper()
	var found []string
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, _ fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(path) == ".cs" {
				found = append(found, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) == 0 {
		t.Fatalf("no C# in %v", folders)
	}
	return found
}

// assembly is something to compile, at the language level that Unity 2020.3 and
// Mono's mcs share, with warnings as errors.
type assembly struct {
	out        string // .dll or .exe
	defines    []string
	references []string // "nunit.framework" is NUnit's
	sources    []string
	unused     bool // whether variables may be assigned and never used
}

func (a assembly) compile(t *testing.T) {
	t.Helper()
	target := "library"
	if filepath.Ext(a.out) == ".exe" {
		target = "exe"
	}
	args := []string{"-langversion:7", "-debug", "-warn:4", "-warnaserror", "-target:" + target, "-out:" + a.out}
	if filepath.Base(a.out) == "UnityP2P.dll" {
		args = append(args, "-doc:"+a.out+".xml") // and so every public member has a comment
	}
	if a.unused {
		args = append(args, "-nowarn:219")
	}
	for _, d := range a.defines {
		args = append(args, "-define:"+d)
	}
	for _, r := range a.references {
		if r == "nunit.framework" {
			r = nunitFolder + "/nunit.framework.dll"
		}
		args = append(args, "-r:"+r)
	}
	run(t, nil, "mcs", append(args, a.sources...)...)
}

// editor defines what Unity 2021.3's editor defines, as far as the package asks.
var editor = []string{"UNITY_5_3_OR_NEWER", "UNITY_2020_3_OR_NEWER", "UNITY_2021_3_OR_NEWER", "UNITY_EDITOR", "UNITY_EDITOR_LINUX"}

// stubs compiles the stand-in for UnityEngine and UnityEditor.
func stubs(t *testing.T, dir string) string {
	t.Helper()
	out := filepath.Join(dir, "UnityEngine.dll")
	assembly{out: out, sources: sources(t, "internal/unitypackage/stubs")}.compile(t)
	return out
}

// project is a folder with everything compiled as the editor would, and the
// library beside it.
func project(t *testing.T) string {
	t.Helper()
	needMono(t)
	dir := t.TempDir()
	engine, ours := stubs(t, dir), filepath.Join(dir, "UnityP2P.dll")
	assembly{out: ours, defines: editor, references: []string{engine}, sources: sources(t, "unity/Scripts")}.compile(t)
	assembly{
		out: filepath.Join(dir, "UnityP2P.Editor.dll"), defines: editor,
		references: []string{engine, ours}, sources: sources(t, "unity/Editor"),
	}.compile(t)
	if err := os.Symlink(sharedLibrary(t), filepath.Join(dir, "libunityp2p.so")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// program adds a program to a project, from C# of ours and of the package.
func program(t *testing.T, dir, name string, files ...string) string {
	t.Helper()
	out := filepath.Join(dir, name+".exe")
	assembly{
		out: out, defines: editor, sources: files,
		references: []string{filepath.Join(dir, "UnityEngine.dll"), filepath.Join(dir, "UnityP2P.dll")},
	}.compile(t)
	return out
}

func sharedLibrary(t *testing.T) string {
	t.Helper()
	file, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

var shared = sync.OnceValues(func() (string, error) { return library.Find(root, scratch) })

// beside lets Mono find the library of a project.
func beside(dir string) []string { return []string{"LD_LIBRARY_PATH=" + dir} }
