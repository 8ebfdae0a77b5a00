// Command check looks at built libraries: that each is what its platform needs,
// and that it has nothing else.
//
//	check files DIR [BUILD]  every library below unity/Plugins or the like, and what
//	                         belongs to them in BUILD/symbols and BUILD/import
//	check sizes DIR          what code is in them, by package
//	check trim DLL           takes Go's own export out of a DLL
//	check def                writes a module-definition file of the header's functions
package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "files":
		return files(args[1], "")
	case len(args) == 3 && args[0] == "files":
		return files(args[1], args[2])
	case len(args) == 2 && args[0] == "sizes":
		return sizes(args[1])
	case len(args) == 2 && args[0] == "trim":
		return trim(args[1])
	case len(args) == 1 && args[0] == "def":
		names, err := functions()
		if err != nil {
			return err
		}
		fmt.Printf("EXPORTS\n  %s\n", strings.Join(names, "\n  "))
		return nil
	}
	return fmt.Errorf("usage: check files DIR [BUILD] | sizes DIR | trim DLL | def")
}

// functions are the names in the header: what a library exports.
func functions() ([]string, error) {
	text, err := os.ReadFile("include/p2p.h")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range regexp.MustCompile(`P2P_API[^;]*?P2P_CALL\s+(P2P_\w+)\(`).FindAllStringSubmatch(string(text), -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return names, nil
}

// facts are what can be said of a library, whatever its format.
type facts struct {
	format   string   // "ELF x86_64"
	exports  []string // functions, sorted
	needs    string   // what it loads, and what system it asks for
	commit   string   // that it was built from
	stripped bool
	parts    []part   // one for each processor
	wrong    []string // what must not be
}

// part is the code for one processor.
type part struct {
	processor string   // of a file for several
	code      [32]byte // its hash
	id        string   // by which debuggers find the symbols; Windows has none
}

// limits are the largest sizes, in MiB, by folder.
var limits = map[string]int64{"macOS/universal": 26, "iOS/arm64": 26, "iOS/simulator": 26}

const usualLimit = 14

// files checks all libraries below a folder, and prints a table.
func files(top, build string) error {
	bad, seen := 0, 0
	fmt.Printf("%-22s %-20s %11s %6s  %-18s  %s\n", "library", "format", "bytes", "limit", "commit", "needs")
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) == ".meta" {
			return err
		}
		seen++
		folder, err := filepath.Rel(top, filepath.Dir(path))
		if err != nil {
			return err
		}
		folder = filepath.ToSlash(folder)
		f, size, err := judge(path, folder, build)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		fmt.Printf("%-22s %-20s %11d %2d MiB  %-18s  %s\n", folder, f.format, size, limit(folder), f.commit, f.needs)
		for _, w := range f.wrong {
			bad++
			fmt.Printf("    WRONG: %s\n", w)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if seen == 0 || bad > 0 {
		return fmt.Errorf("%d libraries, %d faults", seen, bad)
	}
	fmt.Printf("%d libraries are as they must be\n", seen)
	return nil
}

func limit(folder string) int64 {
	if l, ok := limits[folder]; ok {
		return l
	}
	return usualLimit
}

// judge is all that is wrong with one library, and with what belongs to it in build,
// if that is given.
func judge(path, folder, build string) (facts, int, error) {
	want, err := functions()
	if err != nil {
		return facts{}, 0, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return facts{}, 0, err
	}
	f, err := look(path, data)
	if err != nil {
		return f, len(data), err
	}
	if !slices.Equal(f.exports, want) {
		f.wrong = append(f.wrong, fmt.Sprintf("exports %v", difference(f.exports, want)))
	}
	if l := limit(folder); int64(len(data)) > l<<20 {
		f.wrong = append(f.wrong, fmt.Sprintf("larger than %d MiB", l))
	}
	if !f.stripped {
		f.wrong = append(f.wrong, "not stripped")
	}
	f.identify(data)
	if build != "" {
		f.wrong = append(f.wrong, companions(f, path, folder, build, want)...)
	}
	return f, len(data), nil
}

// difference is what one has more than the other, each with a sign.
func difference(got, want []string) []string {
	var d []string
	for _, g := range got {
		if !slices.Contains(want, g) {
			d = append(d, "+"+g)
		}
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			d = append(d, "-"+w)
		}
	}
	return d
}

// look reads a file of any of the formats.
func look(path string, data []byte) (facts, error) {
	switch filepath.Ext(path) {
	case ".so":
		return lookELF(data, strings.Contains(filepath.ToSlash(path), "/Android/"))
	case ".dll":
		return lookPE(data)
	case ".dylib":
		return lookFat(data)
	case ".a":
		return lookArchive(data, strings.Contains(filepath.ToSlash(path), "/simulator/"))
	}
	return facts{}, fmt.Errorf("no format that is known here")
}

// identify finds version, commit and ABI in the file: what build.sh has the linker
// write, and what text.c says.
func (f *facts) identify(data []byte) {
	abi, err := headerABI()
	if err != nil || !bytes.Contains(data, []byte("unityp2p ABI "+abi+"\x00")) {
		f.wrong = append(f.wrong, "it does not say the ABI of the header")
	}
	version, err := newestVersion()
	m := regexp.MustCompile(`unityp2p/([0-9][\w.+-]*)/([0-9a-f]{12}(?:-dirty)?)`).FindSubmatch(data)
	switch {
	case m == nil:
		f.wrong = append(f.wrong, "it does not say its version and commit")
	case err != nil || string(m[1]) != version:
		f.wrong = append(f.wrong, fmt.Sprintf("its version is %s, the changelog's %s", m[1], version))
	default:
		f.commit = string(m[2])
	}
}

// headerABI is the number that the header has.
func headerABI() (string, error) {
	return find("include/p2p.h", `(?m)^#define P2P_ABI_VERSION\s+(\d+)`)
}

// newestVersion is the changelog's first.
func newestVersion() (string, error) { return find("CHANGELOG.md", `(?m)^## \[(\d[^\]]*)\]`) }

func find(file, pattern string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(pattern).FindSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("%s has nothing like %s", file, pattern)
	}
	return string(m[1]), nil
}
