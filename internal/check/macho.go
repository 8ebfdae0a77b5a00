package main

import (
	"bytes"
	"crypto/sha256"
	"debug/macho"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	loadIDDylib      = 0xd
	loadUUID         = 0x1b
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
	if errors.Is(err, macho.ErrNotFat) {
		f, err := lookMachO(data)
		f.wrong = append(f.wrong, "for one processor alone")
		return f, err
	}
	if err != nil {
		return facts{}, err
	}
	f := facts{format: "Mach-O", stripped: true}
	for _, arch := range fat.Arches {
		one, err := lookMachO(data[arch.Offset : arch.Offset+arch.Size])
		if err != nil {
			return f, err
		}
		f.parts = append(f.parts, one.parts...)
		f.stripped = f.stripped && one.stripped
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

// processors by the names that targets have.
var processors = map[macho.Cpu]string{macho.CpuAmd64: "x86_64", macho.CpuArm64: "arm64"}

func lookMachO(data []byte) (facts, error) {
	file, err := macho.NewFile(bytes.NewReader(data))
	if err != nil {
		return facts{}, err
	}
	f := facts{format: processors[file.Cpu], stripped: true}
	text := file.Section("__text")
	if file.Symtab == nil || text == nil {
		return f, fmt.Errorf("it has no code, or no symbols")
	}
	code, err := text.Data()
	if err != nil {
		return f, err
	}
	p := part{processor: processors[file.Cpu], code: sha256.Sum256(code)}
	const external, undefined, debug = 0x01, 0x0e, 0xe0
	for _, s := range file.Symtab.Syms {
		f.stripped = f.stripped && s.Type&external != 0
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
	var signature []byte
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
		case loadUUID:
			p.id = hex.EncodeToString(raw[8:24])
		case loadCodeSign:
			at, size := binary.LittleEndian.Uint32(raw[8:]), binary.LittleEndian.Uint32(raw[12:])
			signature = data[min(int(at), len(data)):min(int(at)+int(size), len(data))]
		}
	}
	f.parts = []part{p}
	f.needs = fmt.Sprintf("macOS %d.%d, %d system libraries", oldest>>16, oldest>>8&0xff, len(libraries))
	if name != installName {
		f.wrong = append(f.wrong, "its install name is "+name)
	}
	if oldest != oldestMacOS {
		f.wrong = append(f.wrong, "asks for another macOS than 11.0")
	}
	if p.id == "" {
		f.wrong = append(f.wrong, "has no UUID, which newer macOS asks for")
	}
	if file.Cpu == macho.CpuArm64 || signature != nil {
		if err := verify(data, signature); err != nil {
			f.wrong = append(f.wrong, err.Error()+": macOS will not load it")
		}
	}
	return f, nil
}

// verify checks that a signature's hashes are those of the file's pages (Apple's
// cs_blobs.h): a file that was changed after it was signed is killed at once. Who
// signed it is not looked at.
func verify(data, signature []byte) error {
	const superBlob, codeDirectory, hashSHA256 = 0xfade0cc0, 0xfade0c02, 2
	if len(signature) < 20 || binary.BigEndian.Uint32(signature) != superBlob {
		return errors.New("not signed, not even by itself")
	}
	start := binary.BigEndian.Uint32(signature[16:]) // the first of its parts
	if int(start)+44 > len(signature) {
		return errors.New("the signature is cut off")
	}
	d := signature[start:]
	if binary.BigEndian.Uint32(d) != codeDirectory || d[36] != sha256.Size || d[37] != hashSHA256 {
		return errors.New("the signature is of another kind")
	}
	hashes, count, limit := int(binary.BigEndian.Uint32(d[16:])), int(binary.BigEndian.Uint32(d[28:])), int(binary.BigEndian.Uint32(d[32:]))
	page := 1 << d[39]
	if count != (limit+page-1)/page || hashes+count*sha256.Size > len(d) || limit > len(data) {
		return errors.New("the signature is not of this file")
	}
	for i := range count {
		sum := sha256.Sum256(data[i*page : min(i*page+page, limit)])
		if !bytes.Equal(sum[:], d[hashes+i*sha256.Size:][:sha256.Size]) {
			return fmt.Errorf("page %d was changed after it was signed", i)
		}
	}
	return nil
}
