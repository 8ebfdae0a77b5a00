package main

import (
	"bytes"
	"debug/macho"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

const (
	loadIDDylib      = 0xd
	loadBuildVersion = 0x32
	loadCodeSign     = 0x1d
	platformMacOS    = 1
	oldestMacOS      = 11 << 16
	installName      = "@rpath/libunityp2p.dylib"
)

// lookFat reads a library for macOS: both of its processors' must be as they
// should.
func lookFat(data []byte) (facts, error) {
	fat, err := macho.NewFatFile(bytes.NewReader(data))
	if err != nil {
		return facts{}, err
	}
	f := facts{format: "Mach-O"}
	for _, arch := range fat.Arches {
		one, err := lookMachO(arch.File)
		if err != nil {
			return f, err
		}
		f.format += " " + one.format
		f.needs = one.needs
		f.wrong = append(f.wrong, one.wrong...)
		if f.exports != nil && !slices.Equal(f.exports, one.exports) {
			f.wrong = append(f.wrong, "its processors' exports differ")
		}
		f.exports = one.exports
	}
	if len(fat.Arches) != 2 {
		f.wrong = append(f.wrong, "not for both processors")
	}
	return f, nil
}

func lookMachO(file *macho.File) (facts, error) {
	f := facts{format: strings.ToLower(strings.TrimPrefix(file.Cpu.String(), "Cpu"))}
	const external, undefined, debug = 0x01, 0x0e, 0xe0
	for _, s := range file.Symtab.Syms {
		if s.Type&external != 0 && s.Type&debug == 0 && s.Type&undefined != 0 {
			f.exports = append(f.exports, strings.TrimPrefix(s.Name, "_"))
		}
	}
	slices.Sort(f.exports)
	libraries, err := file.ImportedLibraries()
	if err != nil {
		return f, err
	}
	for _, l := range libraries {
		if !strings.HasPrefix(l, "/usr/lib/") && !strings.HasPrefix(l, "/System/Library/") {
			f.wrong = append(f.wrong, "needs "+l)
		}
	}
	var name string
	var oldest uint32
	signed := false
	for _, load := range file.Loads {
		raw := load.Raw()
		switch binary.LittleEndian.Uint32(raw) {
		case loadIDDylib:
			text, _, _ := bytes.Cut(raw[binary.LittleEndian.Uint32(raw[8:]):], []byte{0})
			name = string(text)
		case loadBuildVersion:
			if binary.LittleEndian.Uint32(raw[8:]) != platformMacOS {
				f.wrong = append(f.wrong, "not for macOS")
			}
			oldest = binary.LittleEndian.Uint32(raw[12:])
		case loadCodeSign:
			signed = true
		}
	}
	f.needs = fmt.Sprintf("macOS %d.%d, %d system libraries", oldest>>16, oldest>>8&0xff, len(libraries))
	if name != installName {
		f.wrong = append(f.wrong, "its install name is "+name)
	}
	if oldest != oldestMacOS {
		f.wrong = append(f.wrong, "asks for another macOS than 11.0")
	}
	if file.Cpu == macho.CpuArm64 && !signed {
		f.wrong = append(f.wrong, "not signed, not even by itself: arm64 will not load it")
	}
	return f, nil
}
