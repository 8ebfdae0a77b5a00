package main

import (
	"bytes"
	"debug/macho"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	platformIOS       = 2
	platformSimulator = 7
	oldestIOS         = 12 << 16
	oldestSimulator   = 14 << 16 // the first on arm64
)

// lookArchive reads a static library for iOS: an ar archive of Mach-O objects
// with one Go runtime in it, for devices or for the simulator.
func lookArchive(data []byte, simulator bool) (facts, error) {
	f := facts{format: "archive", stripped: true}
	rest, ok := bytes.CutPrefix(data, []byte("!<arch>\n"))
	if !ok {
		return f, fmt.Errorf("no archive")
	}
	objects, runtimes := 0, 0
	for len(rest) >= 60 {
		size, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		if err != nil || size < 0 || 60+size > len(rest) {
			return f, fmt.Errorf("the archive is broken")
		}
		body := rest[60 : 60+size]
		rest = rest[min(len(rest), 60+size+size%2):]
		// BSD archives have long names before the content.
		if at := bytes.Index(body[:min(len(body), 256)], []byte{0xcf, 0xfa, 0xed, 0xfe}); at >= 0 {
			body = body[at:]
		}
		object, err := macho.NewFile(bytes.NewReader(body))
		if err != nil {
			continue // the table of symbols
		}
		objects++
		if !forIOS(object, simulator) {
			f.wrong = append(f.wrong, fmt.Sprintf("object %d is for another system", objects))
		}
		for _, section := range object.Sections {
			f.stripped = f.stripped && section.Seg != "__DWARF"
			// Go marks its object as assembler, which has none, by an empty __asm.
			if section.Seg == "__LLVM" && section.Name != "__asm" {
				f.wrong = append(f.wrong, "has bitcode")
			}
		}
		if object.Symtab == nil {
			continue
		}
		for _, s := range object.Symtab.Syms {
			if s.Sect == 0 {
				continue
			}
			if name, ours := strings.CutPrefix(s.Name, "_P2P_"); ours && s.Type&1 != 0 {
				f.exports = append(f.exports, "P2P_"+name)
			}
			if s.Name == "_runtime.text" || s.Name == "runtime.text" {
				runtimes++
			}
		}
	}
	slices.Sort(f.exports)
	f.needs = fmt.Sprintf("%d objects", objects)
	if runtimes != 1 {
		f.wrong = append(f.wrong, fmt.Sprintf("%d Go runtimes", runtimes))
	}
	return f, nil
}

// forIOS says whether an object is for iOS, as old as we promise. One that says nothing
// goes everywhere: Go's own, from some linkers.
func forIOS(object *macho.File, simulator bool) bool {
	platform, oldest := uint32(platformIOS), uint32(oldestIOS)
	if simulator {
		platform, oldest = platformSimulator, oldestSimulator
	}
	for _, load := range object.Loads {
		raw := load.Raw()
		if binary.LittleEndian.Uint32(raw) != loadBuildVersion {
			continue
		}
		if binary.LittleEndian.Uint32(raw[8:]) != platform || binary.LittleEndian.Uint32(raw[12:]) > oldest {
			return false
		}
	}
	return true
}
