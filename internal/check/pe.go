package main

import (
	"bytes"
	"crypto/sha256"
	"debug/pe"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
)

// What Windows has wherever it runs.
var systemDLLs = []string{"kernel32.dll", "msvcrt.dll", "ws2_32.dll", "advapi32.dll", "ntdll.dll", "bcryptprimitives.dll"}

// Go exports this from every DLL, so that one without exports keeps its own.
const goExport = "_cgo_stub_export"

func lookPE(data []byte) (facts, error) {
	file, err := pe.NewFile(bytes.NewReader(data))
	if err != nil {
		return facts{}, err
	}
	f := facts{format: "PE " + machine(file.Machine)}
	table, err := exportTable(file, data)
	if err != nil {
		return f, err
	}
	f.exports = table.names
	if table.functions != len(table.names) {
		f.wrong = append(f.wrong, fmt.Sprintf("exports %d functions by %d names", table.functions, len(table.names)))
	}
	f.wrong = append(f.wrong, hardening(file)...)
	imported, err := file.ImportedSymbols()
	if err != nil {
		return f, err
	}
	var libraries []string
	for _, s := range imported {
		name, library, _ := strings.Cut(s, ":")
		library = strings.ToLower(library)
		if !slices.Contains(libraries, library) {
			libraries = append(libraries, library)
		}
		if name == "AllocConsole" || name == "AttachConsole" {
			f.wrong = append(f.wrong, "opens a console")
		}
	}
	for _, l := range libraries {
		if !slices.Contains(systemDLLs, l) && !strings.HasPrefix(l, "api-ms-win-crt-") {
			f.wrong = append(f.wrong, "needs "+l)
		}
	}
	f.needs = strings.Join(libraries, " ")
	f.stripped = len(file.Symbols) == 0 && !slices.ContainsFunc(file.Sections, func(s *pe.Section) bool {
		return strings.HasPrefix(s.Name, ".debug") || strings.HasPrefix(s.Name, ".zdebug")
	})
	text := file.Section(".text")
	if text == nil {
		return f, fmt.Errorf("it has no code")
	}
	code, err := text.Data()
	if err != nil {
		return f, err
	}
	// What is behind it fills a page of the file.
	f.parts = []part{{code: sha256.Sum256(code[:min(len(code), int(text.VirtualSize))])}}
	return f, nil
}

// hardening are the protections that the file declines: code at an address that nobody
// knows, data that is never executed.
func hardening(file *pe.File) []string {
	want := uint16(pe.IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE | pe.IMAGE_DLLCHARACTERISTICS_NX_COMPAT)
	var has uint16
	switch h := file.OptionalHeader.(type) {
	case *pe.OptionalHeader64:
		has = h.DllCharacteristics
	case *pe.OptionalHeader32:
		has = h.DllCharacteristics
	}
	var wrong []string
	if has&want != want {
		wrong = append(wrong, fmt.Sprintf("its characteristics are %#x", has))
	}
	if file.Section(".reloc") == nil {
		wrong = append(wrong, "cannot be moved in memory")
	}
	return wrong
}

func machine(m uint16) string {
	switch m {
	case pe.IMAGE_FILE_MACHINE_AMD64:
		return "x86_64"
	case pe.IMAGE_FILE_MACHINE_I386:
		return "x86"
	case pe.IMAGE_FILE_MACHINE_ARM64:
		return "arm64"
	}
	return fmt.Sprintf("%#x", m)
}

// exports is a DLL's export table (PE format, section 6.3).
type exports struct {
	at        int // of the directory in the file
	functions int // some may have no name, only a number
	names     []string
}

func exportTable(file *pe.File, data []byte) (exports, error) {
	var directory pe.DataDirectory
	switch h := file.OptionalHeader.(type) {
	case *pe.OptionalHeader64:
		directory = h.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_EXPORT]
	case *pe.OptionalHeader32:
		directory = h.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_EXPORT]
	}
	at := offset(file, directory.VirtualAddress)
	if directory.VirtualAddress == 0 || at < 0 || at+40 > len(data) {
		return exports{}, fmt.Errorf("no export table")
	}
	e := exports{at: at, functions: int(binary.LittleEndian.Uint32(data[at+20:]))}
	count := int(binary.LittleEndian.Uint32(data[at+24:]))
	names := offset(file, binary.LittleEndian.Uint32(data[at+32:]))
	for i := range count {
		if names < 0 || names+4*i+4 > len(data) {
			return e, fmt.Errorf("the export table is cut off")
		}
		name := offset(file, binary.LittleEndian.Uint32(data[names+4*i:]))
		if name < 0 || name >= len(data) {
			return e, fmt.Errorf("an export's name is outside the file")
		}
		text, _, _ := bytes.Cut(data[name:], []byte{0})
		e.names = append(e.names, string(text))
	}
	return e, nil
}

// offset is where in the file an address in memory is; -1 if nowhere.
func offset(file *pe.File, address uint32) int {
	for _, s := range file.Sections {
		if address >= s.VirtualAddress && address < s.VirtualAddress+s.Size {
			return int(address - s.VirtualAddress + s.Offset)
		}
	}
	return -1
}

// trim takes Go's own export out of a DLL: it is the last of the names, which are
// sorted, and so the tables need only to be shorter.
func trim(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	file, err := pe.NewFile(bytes.NewReader(data))
	if err != nil {
		return err
	}
	table, err := exportTable(file, data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	last := len(table.names) - 1
	if last < 0 || table.names[last] != goExport {
		return nil
	}
	numbers := offset(file, binary.LittleEndian.Uint32(data[table.at+36:]))
	if numbers < 0 || numbers+2*last+2 > len(data) || int(binary.LittleEndian.Uint16(data[numbers+2*last:])) != table.functions-1 {
		return fmt.Errorf("%s: %s is not the last of its functions", path, goExport)
	}
	binary.LittleEndian.PutUint32(data[table.at+20:], uint32(table.functions-1))
	binary.LittleEndian.PutUint32(data[table.at+24:], uint32(last)) // the names
	return os.WriteFile(path, data, 0o644)
}
