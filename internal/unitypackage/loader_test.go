//go:build linux

package unitypackage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A library that is missing, of another processor, or of another release is
// said in one sentence, again at every attempt, and nothing else fails.
func TestALibraryThatDoesNotFitIsSaid(t *testing.T) {
	dir := project(t)
	exe := program(t, dir, "Loader", "testdata/Loader.cs")
	other := filepath.Join(dir, "libunityp2p.so")
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ source, flags, want string }{
		"missing":           {"", "", "is missing, or built for another processor or system"},
		"another processor": {"", "", "is missing, or built for another processor or system"},
		"another release":   {"unsigned P2P_AbiVersion(void) { return 99; }", "", "are of different releases (ABI 99 and 1): update both from the same release"},
		"another library":   {"int unrelated(void) { return 0; }", "", "that is not UnityP2P's"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			place := t.TempDir()
			file := filepath.Join(place, "libunityp2p.so")
			switch {
			case c.source != "":
				source := filepath.Join(place, "other.c")
				if err := os.WriteFile(source, []byte(c.source), 0o600); err != nil {
					t.Fatal(err)
				}
				run(t, nil, "gcc", "-shared", "-fPIC", "-o", file, source)
			case name == "another processor":
				foreign(t, file)
			}
			for _, runtime := range runtimes {
				out := run(t, beside(place), runtime, exe)
				if got := strings.Count(out, "UnityP2P.P2PException: "); got != 2 || strings.Count(out, c.want) != 2 {
					t.Errorf("%s says: %s", runtime, out)
				}
			}
		})
	}
}

// foreign writes our library with the processor of its ELF header changed.
func foreign(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(sharedLibrary(t))
	if err != nil {
		t.Fatal(err)
	}
	const machine, aarch64 = 18, 183 // e_machine, EM_AARCH64
	data[machine], data[machine+1] = aarch64, 0
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
