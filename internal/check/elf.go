package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The newest glibc that Linux libraries may ask for: that of CentOS 7, and older
// than that of every Steam runtime.
const glibcMinor = 17

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
	if android {
		f.wrong = append(f.wrong, androidFaults(file, libraries)...)
	} else {
		newest, faults := glibc(symbols)
		f.needs += fmt.Sprintf(", glibc 2.%d", newest)
		f.wrong = append(f.wrong, faults...)
	}
	if file.Section(".symtab") != nil {
		f.wrong = append(f.wrong, "not stripped")
	}
	if values, err := file.DynValue(elf.DT_TEXTREL); err != nil || len(values) > 0 {
		f.wrong = append(f.wrong, "has text relocations")
	}
	flags, err := file.DynValue(elf.DT_FLAGS_1)
	if err != nil || len(flags) == 0 || elf.DynFlag1(flags[0])&elf.DF_1_NODELETE == 0 {
		f.wrong = append(f.wrong, "can be unloaded, which Go cannot")
	}
	return f, nil
}

// glibc is the newest minor version that a symbol asks for.
func glibc(symbols []elf.Symbol) (newest int, wrong []string) {
	for _, s := range symbols {
		text, ok := strings.CutPrefix(s.Version, "GLIBC_2.")
		if !ok || s.Section != elf.SHN_UNDEF {
			continue
		}
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

func androidFaults(file *elf.File, libraries []string) []string {
	var wrong []string
	for _, p := range file.Progs {
		if p.Type == elf.PT_LOAD && p.Align < androidPage {
			wrong = append(wrong, fmt.Sprintf("a segment is aligned to %d bytes", p.Align))
		}
	}
	for _, l := range libraries {
		if !slices.Contains([]string{"libc.so", "libdl.so", "libm.so", "liblog.so"}, l) {
			wrong = append(wrong, "needs "+l)
		}
	}
	return wrong
}
