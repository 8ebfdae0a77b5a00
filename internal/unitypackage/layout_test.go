//go:build linux

package unitypackage

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// cStructs are the structs of p2p.h by their names in C#.
var cStructs = map[string]string{
	"Config": "P2P_Config", "Event": "P2P_Event", "Batch": "P2P_Batch", "Stats": "P2P_Stats",
	"NetworkConditions": "P2P_NetworkConditions", "SignalingConfig": "P2P_SignalingConfig",
}

// Every struct in C# lies in memory as the C compiler lays the header's, field by
// field; and neither side has a field that the other lacks.
func TestStructsLieInMemoryAsInC(t *testing.T) {
	dir := project(t)
	exe := filepath.Join(dir, "Layout.exe")
	assembly{
		out: exe, sources: []string{"testdata/Layout.cs"},
		references: []string{filepath.Join(dir, "UnityP2P.dll")},
	}.compile(t)
	managed := strings.Fields(run(t, nil, "mono", exe))
	fields := make([]string, 0, len(managed))
	var c strings.Builder
	c.WriteString("#include \"p2p.h\"\n#include <stdio.h>\nint main(void) {\n")
	for _, line := range managed {
		name, _, _ := strings.Cut(line, ":")
		s, field, isField := strings.Cut(name, ".")
		if cStructs[s] == "" {
			t.Fatalf("the header has no %s", s)
		}
		if isField {
			fields = append(fields, name)
			fmt.Fprintf(&c, "printf(\"%s:%%zu:%%zu\\n\", offsetof(%s, %s), sizeof(((%s *)0)->%s));\n",
				name, cStructs[s], field, cStructs[s], field)
		} else {
			fmt.Fprintf(&c, "printf(\"%s:%%zu\\n\", sizeof(%s));\n", name, cStructs[s])
		}
	}
	c.WriteString("return 0; }\n")
	source := filepath.Join(dir, "layout.c")
	if err := os.WriteFile(source, []byte(c.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, nil, "gcc", "-I"+filepath.Join(root, "include"), "-o", source+".out", source)
	native := strings.Fields(run(t, nil, source+".out"))
	for i := range managed {
		if managed[i] != native[i] {
			t.Errorf("in C# %s, in C %s", managed[i], native[i])
		}
	}
	if want := headerFields(t); len(fields) != want {
		t.Errorf("C# has %d fields, the header %d", len(fields), want)
	}
}

// headerFields counts the fields of all structs in the header.
func headerFields(t *testing.T) int {
	t.Helper()
	count := 0
	comment := regexp.MustCompile(`(?s)/\*.*?\*/`)
	structs := regexp.MustCompile(`(?s)typedef struct \w+ \{(.*?)\}`)
	for _, s := range structs.FindAllStringSubmatch(comment.ReplaceAllString(header(t), ""), -1) {
		count += strings.Count(s[1], ";") + strings.Count(s[1], ",")
	}
	return count
}

func header(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "include/p2p.h"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Functions, constants and enums in C# are those of the header.
func TestNamesAndNumbersAreThoseOfTheHeader(t *testing.T) {
	h := header(t)
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(unity, "Scripts", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	functions := regexp.MustCompile(`P2P_API .*?P2P_CALL\s+(P2P_\w+)\(`)
	native := read("Native/Native.cs")
	for _, m := range functions.FindAllStringSubmatch(h, -1) {
		// The two that block, but for the end of a program, are not for games.
		if m[1] != "P2P_Wait" && !strings.Contains(native, m[1]+"(") {
			t.Errorf("Native.cs lacks %s", m[1])
		}
	}
	number := func(name string) string {
		m := regexp.MustCompile(`(?m)^#define P2P_` + name + `\s+\(?(-?\d+)`).FindStringSubmatch(h)
		if m == nil {
			t.Errorf("the header has no P2P_%s", name)
			return ""
		}
		return m[1]
	}
	for _, kind := range []struct{ file, prefix, pattern string }{
		{"Native/NativeTypes.cs", "EVENT_", `const uint Event(\w+) = (\d+);`},
		{"Native/NativeTypes.cs", "EVENT_FLAG_", `const uint Flag(\w+) = (\d+);`},
		{"Native/NativeTypes.cs", "ERR_", `const int (\w+) = (-\d+);`},
		{"Native/NativeTypes.cs", "", `const uint (AbiVersion) = (\d+);`},
		{"P2PError.cs", "TROUBLE_", `(?m)^ {8}(\w+) = (\d+)`},
		{"P2PDisconnectReason.cs", "REASON_", `(?m)^ {8}(\w+) = (\d{3})`},
		{"P2PConfig.cs", "LOOPBACK_", `(?m)^ {8}(\w+) = (\d+)`},
		{"P2PStats.cs", "PATH_", `(?m)^ {8}(\w+) = (\d+)`},
		{"P2PLog.cs", "LOG_", `(?m)^ {8}(\w+) = (\d+)`},
	} {
		found := regexp.MustCompile(kind.pattern).FindAllStringSubmatch(read(kind.file), -1)
		if len(found) == 0 {
			t.Errorf("%s: nothing matches %s", kind.file, kind.pattern)
		}
		for _, m := range found {
			if want := number(kind.prefix + constant(m[1])); want != m[2] {
				t.Errorf("%s: %s is %s, in the header %s", kind.file, m[1], m[2], want)
			}
		}
	}
}

// constant is a C# name as the header spells it.
func constant(name string) string {
	if other, ok := map[string]string{
		"SignalingUnreachable": "UNREACHABLE", "SignalingRefused": "REFUSED", "ServerReflexive": "SRFLX",
		"PeerReflexive": "PRFLX", "Warning": "WARN",
	}[name]; ok {
		return other
	}
	return strings.ToUpper(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(name, "${1}_$2"))
}
