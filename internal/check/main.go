// Command check looks at built libraries: that each is what its platform needs,
// and that it has nothing else.
//
//	check files DIR       every library below unity/Plugins or the like
//	check sizes DIR       what code is in them, by package
//	check trim DLL        takes Go's own export out of a DLL
//	check def             writes a module-definition file of the header's functions
package main

import (
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
		return files(args[1])
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
	return fmt.Errorf("usage: check files DIR | sizes DIR | trim DLL | def")
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
	format  string   // "ELF x86_64"
	exports []string // functions, sorted
	needs   string   // what it loads, and what system it asks for
	wrong   []string // what must not be
}

// limits are the largest sizes, in MiB, by folder.
var limits = map[string]int64{"macOS/universal": 26, "iOS/arm64": 26, "iOS/simulator": 26}

const usualLimit = 14

// files checks all libraries below a folder, and prints a table.
func files(top string) error {
	want, err := functions()
	if err != nil {
		return err
	}
	bad, seen := 0, 0
	fmt.Printf("%-22s %-20s %11s  %s\n", "library", "format", "bytes", "needs")
	err = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) == ".meta" {
			return err
		}
		seen++
		f, size, err := look(path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		folder, err := filepath.Rel(top, filepath.Dir(path))
		if err != nil {
			return err
		}
		folder = filepath.ToSlash(folder)
		if !slices.Equal(f.exports, want) {
			f.wrong = append(f.wrong, fmt.Sprintf("exports %v", difference(f.exports, want)))
		}
		limit := int64(usualLimit)
		if l, ok := limits[folder]; ok {
			limit = l
		}
		if size > limit<<20 {
			f.wrong = append(f.wrong, fmt.Sprintf("larger than %d MiB", limit))
		}
		fmt.Printf("%-22s %-20s %11d  %s\n", folder, f.format, size, f.needs)
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
func look(path string) (facts, int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return facts{}, 0, err
	}
	var f facts
	switch filepath.Ext(path) {
	case ".so":
		f, err = lookELF(data, strings.Contains(path, "Android"))
	case ".dll":
		f, err = lookPE(data)
	case ".dylib":
		f, err = lookFat(data)
	case ".a":
		f, err = lookArchive(data)
	default:
		err = fmt.Errorf("no format that is known here")
	}
	if err == nil {
		f.wrong = append(f.wrong, identity(data)...)
	}
	return f, int64(len(data)), err
}

// identity: version, commit and ABI stand in the file.
func identity(data []byte) []string {
	var wrong []string
	if !regexp.MustCompile(`unityp2p ABI \d+\x00`).Match(data) {
		wrong = append(wrong, "it does not say its ABI")
	}
	changelog, err := os.ReadFile("CHANGELOG.md")
	if err != nil {
		return append(wrong, err.Error())
	}
	version := regexp.MustCompile(`(?m)^## \[(\d[^\]]*)\]`).FindSubmatch(changelog)
	if version == nil || !strings.Contains(string(data), string(version[1])) {
		wrong = append(wrong, "it does not say its version")
	}
	return wrong
}
