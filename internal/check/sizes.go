package main

import (
	"bytes"
	"debug/elf"
	"debug/gosym"
	"debug/macho"
	"debug/pe"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// group is packages that a reader of the table thinks of as one.
type group struct {
	name    string
	pattern *regexp.Regexp
}

// The first pattern that matches a package counts.
var groups = []group{
	{"net/http", regexp.MustCompile(`^(vendor/)?(golang\.org/x/net/http|golang\.org/x/net/idna|golang\.org/x/text|net/http|net/textproto|mime|compress)`)},
	{"crypto, TLS, X.509", regexp.MustCompile(`^((vendor/)?golang\.org/x/crypto|crypto|hash|math/big)`)},
	{"encoding", regexp.MustCompile(`^(encoding|database)(/|$)`)},
	{"pion/webrtc", regexp.MustCompile(`^github\.com/pion/webrtc`)},
	{"pion/ice", regexp.MustCompile(`^github\.com/pion/ice`)},
	{"pion/dtls", regexp.MustCompile(`^github\.com/pion/dtls`)},
	{"pion/sctp", regexp.MustCompile(`^github\.com/pion/(sctp|datachannel)`)},
	{"pion/turn and stun", regexp.MustCompile(`^github\.com/pion/(turn|stun)`)},
	{"pion, for sound and pictures", regexp.MustCompile(`^github\.com/pion/(srtp|rtp|rtcp|sdp|interceptor)`)},
	{"other libraries", regexp.MustCompile(`^[a-z0-9.-]+\.[a-z]+/`)},
	{"ours", regexp.MustCompile(`^(unityp2p|main|_cgo)`)},
	{"Go's runtime and the rest of its library", regexp.MustCompile(``)},
}

// sizes prints, for every library below a folder, how many KiB of machine code
// each group of packages has.
func sizes(top string) error {
	var columns []string
	table := make(map[string][]uint64)
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".so", ".dll", ".dylib"}, filepath.Ext(path)) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		functions, err := functionTable(path, data)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		folder, err := filepath.Rel(top, filepath.Dir(path))
		columns = append(columns, strings.ToLower(strings.ReplaceAll(filepath.ToSlash(folder), "/", " ")))
		for name, bytes := range sum(functions) {
			row := append(table[name], make([]uint64, len(columns)-len(table[name]))...)
			row[len(columns)-1] = bytes
			table[name] = row
		}
		return err
	})
	if err != nil {
		return err
	}
	printSizes(columns, table)
	return nil
}

func printSizes(columns []string, table map[string][]uint64) {
	fmt.Printf("| KiB of code | %s |\n|---|%s\n", strings.Join(columns, " | "), strings.Repeat("---:|", len(columns)))
	for _, g := range groups {
		fmt.Printf("| %s ", g.name)
		row := append(table[g.name], make([]uint64, len(columns)-len(table[g.name]))...)
		for _, bytes := range row {
			fmt.Printf("| %d ", bytes>>10)
		}
		fmt.Println("|")
	}
}

// sum adds up the functions of each group.
func sum(functions []gosym.Func) map[string]uint64 {
	total := make(map[string]uint64)
	for _, f := range functions {
		name := f.PackageName()
		for _, g := range groups {
			if g.pattern.MatchString(name) {
				total[g.name] += f.End - f.Entry
				break
			}
		}
	}
	return total
}

// tableStart is how the table begins since Go 1.20.
var tableStart = []byte{0xf1, 0xff, 0xff, 0xff, 0, 0}

// functionTable reads the table that every Go program carries, for its
// tracebacks.
func functionTable(path string, data []byte) ([]gosym.Func, error) {
	section, err := tableSection(path, data)
	if err != nil {
		return nil, err
	}
	for {
		at := bytes.Index(section, tableStart)
		if at < 0 {
			return nil, errors.New("no table of Go's functions")
		}
		section = section[at:]
		// Where the code will be is for the loader to say; only lengths count here.
		found, err := gosym.NewTable(nil, gosym.NewLineTable(section, 0))
		if err == nil && len(found.Funcs) > 1000 {
			return found.Funcs, nil
		}
		section = section[len(tableStart):]
	}
}

func tableSection(path string, data []byte) ([]byte, error) {
	switch filepath.Ext(path) {
	case ".so":
		file, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		if s := file.Section(".gopclntab"); s != nil {
			return s.Data()
		}
	case ".dll":
		file, err := pe.NewFile(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		if s := file.Section(".rdata"); s != nil {
			return s.Data()
		}
	case ".dylib":
		file, err := macho.NewFatFile(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		for _, a := range file.Arches {
			if s := a.Section("__gopclntab"); s != nil && a.Cpu == macho.CpuArm64 {
				return s.Data()
			}
		}
	}
	return data, nil
}
