//go:build libraries

package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fault is something done to a good library that must be seen.
type fault struct {
	name    string
	folder  string // below unity/Plugins
	file    string
	spoil   func(t *testing.T, data []byte) []byte
	verdict string // part of what is said then
}

const (
	so    = "libunityp2p.so"
	dll   = "unityp2p.dll"
	dylib = "libunityp2p.dylib"
)

var faults = []fault{
	{"another export", "Linux/x86_64", so, replace("\x00P2P_Poll\x00", "\x00P2P_Pole\x00"), "+P2P_Pole -P2P_Poll"},
	{"a newer glibc", "Linux/x86_64", so, replace("GLIBC_2.3.2\x00", "GLIBC_2.31\x00\x00"), "needs glibc 2.31"},
	{"glibc's own secrets", "Linux/arm64", so, replace("\x00GLIBC_2.17\x00", "\x00GLIBC_PRIV\x00"), "of GLIBC_PRIV"},
	{"a strange library", "Linux/x86_64", so, replace("\x00libdl.so.2\x00", "\x00libgl.so.2\x00"), "needs libgl.so.2"},
	{"another soname", "Linux/arm64", so, replace("\x00libunityp2p.so\x00", "\x00libunityp2q.so\x00"), "its soname"},
	{"can be unloaded", "Linux/x86_64", so, dynamic(0x6ffffffb, 0), "can be unloaded"},
	{"text relocations", "Linux/x86_64", so, dynamic(30, 4), "text relocations"},
	{"its Android's", "Android", so, whole("Linux/x86_64", so), "a segment is aligned to 4096"},
	{"another commit's ABI", "Linux/x86_64", so, replace("unityp2p ABI 1\x00", "unityp2p ABI 9\x00"), "ABI"},
	{"another version", "Linux/arm64", so, replace("unityp2p/0.", "unityp2p/7."), "its version is 7."},
	{"too large", "Windows/x86", dll, func(_ *testing.T, d []byte) []byte { return append(d, make([]byte, 8<<20)...) }, "larger than 14 MiB"},
	{"another export", "Windows/x86_64", dll, replace("\x00P2P_Wait\x00", "\x00P2P_Weit\x00"), "+P2P_Weit -P2P_Wait"},
	{"a strange DLL", "Windows/x86_64", dll, replace("msvcrt.dll\x00", "mymcrt.dll\x00"), "needs mymcrt.dll"},
	{"a console", "Windows/x86_64", dll, replace("VirtualQuery\x00", "AllocConsole\x00"), "opens a console"},
	{"fixed in memory", "Windows/arm64", dll, replace(".reloc\x00\x00", ".relok\x00\x00"), "cannot be moved"},
	{"changed after it was signed", "macOS/universal", dylib, replace("unityp2p ABI 1\x00", "unityp2p ABI 2\x00"), "was changed after it was signed"},
	{"found in one place only", "macOS/universal", dylib, replace("@rpath/libunityp2p", "/there/libunityp2p"), "its install name"},
	{"a newer macOS", "macOS/universal", dylib, replace("\x01\x00\x00\x00\x00\x00\x0b\x00", "\x01\x00\x00\x00\x00\x00\x0e\x00"), "another macOS than 11.0"},
	{"a phone's", "macOS/universal", dylib, replace("\x01\x00\x00\x00\x00\x00\x0b\x00", "\x02\x00\x00\x00\x00\x00\x0b\x00"), "not for macOS"},
}

// Each fault of a library is seen, and without it there is none. It looks at what
// "./build.sh all" built.
func TestFaultsAreSeen(t *testing.T) {
	t.Chdir("../..")
	if err := files("unity/Plugins", "build"); err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		t.Run(f.folder+" "+f.name, func(t *testing.T) {
			var data []byte
			if f.folder != "Android" {
				data = whole(f.folder, f.file)(t, nil)
			}
			path := filepath.Join(t.TempDir(), f.folder, f.file)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f.spoil(t, data), 0o600); err != nil {
				t.Fatal(err)
			}
			seen, _, err := judge(path, f.folder, "")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(seen.wrong, "\n"), f.verdict) {
				t.Errorf("seen was %q", seen.wrong)
			}
		})
	}
}

// A twin of another build is no twin, and half an import library is none.
func TestCompanionsAreLookedAt(t *testing.T) {
	t.Chdir("../..")
	build := t.TempDir()
	copyTo := func(from, to string, spoil func(*testing.T, []byte) []byte) {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		to = filepath.Join(build, to)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, spoil(t, data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	same := func(_ *testing.T, d []byte) []byte { return d }
	copyTo("build/symbols/linux-arm64/"+so, "symbols/linux-x86_64/"+so, same)
	copyTo("build/symbols/windows-x86_64/"+dll, "symbols/windows-x86_64/"+dll, same)
	copyTo("build/import/windows-x86_64/unityp2p.lib", "import/windows-x86_64/unityp2p.lib", replace("__imp_P2P_Send", "__imp_P2P_Sent"))
	for folder, verdict := range map[string]string{"Linux/x86_64": "its code is not", "Windows/x86_64": "lacks P2P_SendMessage"} {
		file := so
		if folder == "Windows/x86_64" {
			file = dll
		}
		seen, _, err := judge(filepath.Join("unity/Plugins", folder, file), folder, build)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(seen.wrong, "\n"), verdict) {
			t.Errorf("%s: seen was %q", folder, seen.wrong)
		}
	}
}

// replace replaces bytes wherever they stand, by as many.
func replace(old, with string) func(*testing.T, []byte) []byte {
	return func(t *testing.T, data []byte) []byte {
		if len(old) != len(with) || !bytes.Contains(data, []byte(old)) {
			t.Fatalf("there is no %q to be replaced by %q", old, with)
		}
		return bytes.ReplaceAll(data, []byte(old), []byte(with))
	}
}

// dynamic gives an entry of ELF's dynamic section (64 bits) another value: the only
// place where its tag stands before what can be a value of flags.
func dynamic(tag, value uint64) func(*testing.T, []byte) []byte {
	return func(t *testing.T, data []byte) []byte {
		for at := 0; at+16 <= len(data); at += 8 {
			old := binary.LittleEndian.Uint64(data[at+8:])
			if binary.LittleEndian.Uint64(data[at:]) == tag && old > 0 && old < 0x100 {
				binary.LittleEndian.PutUint64(data[at+8:], value)
			}
		}
		return data
	}
}

// whole is another library of unity/Plugins.
func whole(folder, file string) func(*testing.T, []byte) []byte {
	return func(t *testing.T, _ []byte) []byte {
		data, err := os.ReadFile(filepath.Join("unity/Plugins", folder, file))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
}
