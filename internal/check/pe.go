package main

import (
	"bytes"
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
	for _, s := range file.Sections {
		if strings.HasPrefix(s.Name, ".debug") || strings.HasPrefix(s.Name, ".zdebug") {
			f.wrong = append(f.wrong, "has debugging information")
			break
		}
	}
	return f, nil
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
	at    int // of the directory in the file
	names []string
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
	e := exports{at: at}
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

// trim takes Go's own export out of a DLL: it is the last of the table, which is
// sorted, and so the table needs only to be shorter.
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
	binary.LittleEndian.PutUint32(data[table.at+24:], uint32(last)) // the names
	return os.WriteFile(path, data, 0o644)
}
