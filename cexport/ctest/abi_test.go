//go:build linux

package ctest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// oldHeaders are the folders of headers that programs were built with.
func oldHeaders(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("abi/v*")
	if err != nil || len(found) == 0 {
		t.Fatalf("no old headers: %v", err)
	}
	return found
}

// A program that was built with an older header runs with the library of today.
func TestOldProgramsRun(t *testing.T) {
	for _, include := range oldHeaders(t) {
		t.Run(filepath.Base(include), func(t *testing.T) {
			source, err := os.ReadFile("programs/library_room.c")
			if err != nil {
				t.Fatal(err)
			}
			// The same program, with the old header in place of today's.
			dir := t.TempDir()
			write(t, filepath.Join(dir, "old_room.c"), string(source))
			for _, name := range []string{"library.h", "check.h"} {
				text, err := os.ReadFile(filepath.Join("programs", name))
				if err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(dir, name), strings.ReplaceAll(string(text), "../../../include/p2p.h", "p2p.h"))
			}
			program, _ := compile(t, filepath.Join(dir, "old_room.c"), include, shared)
			run(t, nil, program, "room")
			run(t, nil, program, "connecting")
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

var (
	comment  = regexp.MustCompile(`(?s)/\*.*?\*/`)
	constant = regexp.MustCompile(`(?m)^#define (P2P_[A-Z0-9_]+) +\(?[-0-9]`)
	function = regexp.MustCompile(`P2P_API ([^;]+;)`)
	strct    = regexp.MustCompile(`(?s)typedef struct (P2P_\w+) \{(.*?)\} P2P_\w+;`)
	field    = regexp.MustCompile(`(?m)^ +[^/*\n]*?(\w+)(?:\[\d+\])?(?:, (\w+))?;`)
)

// What an older header says is still so: constants, functions, fields and where
// they are. A struct may have grown at its end.
func TestTheABIOnlyGrows(t *testing.T) {
	today, err := os.ReadFile("../../include/p2p.h")
	if err != nil {
		t.Fatal(err)
	}
	for _, include := range oldHeaders(t) {
		text, err := os.ReadFile(filepath.Join(include, "p2p.h"))
		if err != nil {
			t.Fatal(err)
		}
		names := comment.ReplaceAllString(string(text), "")
		old := strings.Split(layout(t, names, include), "\n")
		now := layout(t, names, "../../include")
		if len(old) < 100 {
			t.Fatalf("only %d lines of layout", len(old))
		}
		for _, line := range old {
			if !strings.Contains(now, line+"\n") && line != "" {
				t.Errorf("%s: no longer so: %s", include, line)
			}
		}
		for _, f := range function.FindAllString(string(text), -1) {
			if !strings.Contains(plain(string(today)), plain(f)) {
				t.Errorf("%s: the function changed: %s", include, f)
			}
		}
	}
}

func plain(s string) string { return strings.Join(strings.Fields(s), " ") }

// layout prints what the names of a header are in the one in include.
func layout(t *testing.T, names, include string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("#include <stdio.h>\n#include \"p2p.h\"\nint main(void) {\n")
	for _, m := range constant.FindAllStringSubmatch(names, -1) {
		b.WriteString("printf(\"" + m[1] + " %lld\\n\", (long long)" + m[1] + ");\n")
	}
	for _, s := range strct.FindAllStringSubmatch(names, -1) {
		for _, f := range field.FindAllStringSubmatch(s[2], -1) {
			for _, name := range f[1:] {
				if name != "" {
					b.WriteString("printf(\"" + s[1] + "." + name + " at %zu, %zu bytes\\n\", offsetof(" + s[1] + ", " + name +
						"), sizeof ((" + s[1] + " *)0)->" + name + ");\n")
				}
			}
		}
	}
	b.WriteString("return 0;\n}\n")
	source := filepath.Join(t.TempDir(), "layout.c")
	write(t, source, b.String())
	program := strings.TrimSuffix(source, ".c")
	run(t, nil, "gcc", "-I"+include, "-o", program, source)
	return run(t, nil, program)
}
