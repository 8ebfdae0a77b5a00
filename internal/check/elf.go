package main

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The newest glibc that Linux libraries may ask for: that of CentOS 7, and older
// than that of every Steam runtime.
const glibcMinor = 17

// What Linux libraries may need: glibc's own, as the loader names them.
var glibcLibraries = []string{
	"libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "libresolv.so.2", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
}

// Android has these since its first version.
var androidLibraries = []string{"libc.so", "libdl.so", "libm.so", "liblog.so"}

// Android 15 has pages of 16 KiB on some devices.
const androidPage = 16 << 10

// lookELF reads a library for Linux or Android.
func lookELF(data []byte, android bool) (facts, error) {
	file, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return facts{}, err
	}
	f := facts{format: "ELF " + strings.TrimPrefix(file.Machine.String(), "EM_")}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return f, err
	}
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF && elf.ST_BIND(s.Info) != elf.STB_LOCAL && elf.ST_TYPE(s.Info) == elf.STT_FUNC {
			f.exports = append(f.exports, s.Name)
		} else if s.Section != elf.SHN_UNDEF && s.Section != elf.SHN_ABS && elf.ST_BIND(s.Info) != elf.STB_LOCAL {
			f.wrong = append(f.wrong, "exports the variable "+s.Name)
		}
	}
	slices.Sort(f.exports)
	libraries, err := file.ImportedLibraries()
	if err != nil {
		return f, err
	}
	f.needs = strings.Join(libraries, " ")
	allowed := glibcLibraries
	if android {
		allowed = androidLibraries
		f.wrong = append(f.wrong, smallPages(file)...)
	} else {
		newest, faults := glibc(symbols)
		f.needs += fmt.Sprintf(", glibc 2.%d", newest)
		f.wrong = append(f.wrong, faults...)
	}
	for _, l := range libraries {
		if !slices.Contains(allowed, l) {
			f.wrong = append(f.wrong, "needs "+l)
		}
	}
	f.stripped = file.Section(".symtab") == nil
	f.wrong = append(f.wrong, loaderFaults(file)...)
	f.parts, err = elfParts(file)
	return f, err
}

// loaderFaults are what a loader would do that it must not.
func loaderFaults(file *elf.File) []string {
	var wrong []string
	value := func(tag elf.DynTag) uint64 {
		values, err := file.DynValue(tag)
		if err != nil || len(values) == 0 {
			return 0
		}
		return values[0]
	}
	if values, err := file.DynValue(elf.DT_TEXTREL); err != nil || len(values) > 0 || elf.DynFlag(value(elf.DT_FLAGS))&elf.DF_TEXTREL != 0 {
		wrong = append(wrong, "has text relocations")
	}
	if elf.DynFlag1(value(elf.DT_FLAGS_1))&elf.DF_1_NODELETE == 0 {
		wrong = append(wrong, "can be unloaded, which Go cannot")
	}
	if names, err := file.DynString(elf.DT_SONAME); err != nil || len(names) != 1 || names[0] != "libunityp2p.so" {
		wrong = append(wrong, fmt.Sprintf("its soname is %v", names))
	}
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		if names, err := file.DynString(tag); err != nil || len(names) > 0 {
			wrong = append(wrong, fmt.Sprintf("looks for libraries in %v", names))
		}
	}
	for _, p := range file.Progs {
		if p.Type == elf.PT_GNU_STACK && p.Flags&elf.PF_X != 0 {
			wrong = append(wrong, "asks for a stack that can be executed")
		}
	}
	return wrong
}

// elfParts is the code, and the ID by which debuggers find its symbols.
func elfParts(file *elf.File) ([]part, error) {
	text := file.Section(".text")
	if text == nil {
		return nil, fmt.Errorf("it has no code")
	}
	code, err := text.Data()
	if err != nil {
		return nil, err
	}
	p := part{code: sha256.Sum256(code)}
	if note := file.Section(".note.gnu.build-id"); note != nil {
		data, err := note.Data()
		if err != nil {
			return nil, err
		}
		p.id = hex.EncodeToString(data[min(16, len(data)):])
	}
	return []part{p}, nil
}

// glibc is the newest minor version that a symbol asks for.
func glibc(symbols []elf.Symbol) (newest int, wrong []string) {
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF || s.Version == "" {
			continue
		}
		text := strings.TrimPrefix(s.Version, "GLIBC_2.")
		text, _, _ = strings.Cut(text, ".")
		minor, err := strconv.Atoi(text)
		if err != nil {
			wrong = append(wrong, s.Name+" of "+s.Version)
			continue
		}
		newest = max(newest, minor)
		if minor > glibcMinor {
			wrong = append(wrong, fmt.Sprintf("%s needs glibc 2.%d, newer than 2.%d", s.Name, minor, glibcMinor))
		}
	}
	return newest, wrong
}

func smallPages(file *elf.File) []string {
	var wrong []string
	for _, p := range file.Progs {
		if p.Type == elf.PT_LOAD && p.Align < androidPage {
			wrong = append(wrong, fmt.Sprintf("a segment is aligned to %d bytes", p.Align))
		}
	}
	return wrong
}
