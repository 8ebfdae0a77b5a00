package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// companions is what is wrong with what belongs to a library: its twin with symbols,
// which must have the same code, and for Windows the import library, which must have
// all functions. A library without a twin was built for this machine alone, by
// "./build.sh", and has none of them.
func companions(f facts, path, folder, build string, functions []string) []string {
	system, processor, _ := strings.Cut(strings.ToLower(folder), "/")
	twins := 0
	var wrong []string
	for _, p := range f.parts {
		if p.processor != "" {
			processor = p.processor
		}
		twin := filepath.Join(build, "symbols", system+"-"+processor, filepath.Base(path))
		data, err := os.ReadFile(twin)
		if err != nil {
			continue
		}
		twins++
		if fault := compare(p, twin, data); fault != "" {
			wrong = append(wrong, twin+": "+fault)
		}
	}
	if twins == 0 {
		return nil
	}
	if twins != len(f.parts) {
		wrong = append(wrong, "has symbols for some processors only")
	}
	if system == "windows" {
		wrong = append(wrong, importFaults(filepath.Join(build, "import", system+"-"+processor, "unityp2p.lib"), processor, functions)...)
	}
	return wrong
}

// compare says how a twin differs from the part of a library that it is of.
func compare(p part, path string, data []byte) string {
	f, err := look(path, data)
	switch {
	case err != nil:
		return err.Error()
	case len(f.parts) != 1 || f.parts[0].code != p.code:
		return "its code is not the library's"
	case f.parts[0].id != p.id:
		return "debuggers will not find it by the library's ID"
	case f.stripped:
		return "has no symbols"
	}
	return ""
}

// importFaults says what an import library for MSVC lacks. x86 has an underscore
// before C's names.
func importFaults(path, processor string, functions []string) []string {
	data, err := os.ReadFile(path)
	if err != nil {
		return []string{"has no import library: " + err.Error()}
	}
	var wrong []string
	if !bytes.HasPrefix(data, []byte("!<arch>\n")) || !bytes.Contains(data, []byte("unityp2p.dll\x00")) {
		wrong = append(wrong, path+" is no import library of unityp2p.dll")
	}
	before := "__imp_"
	if processor == "x86" {
		before = "__imp__"
	}
	for _, name := range functions {
		if !bytes.Contains(data, []byte(before+name+"\x00")) {
			wrong = append(wrong, fmt.Sprintf("%s lacks %s", path, name))
		}
	}
	return wrong
}
