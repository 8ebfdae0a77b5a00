// Package library builds the shared library, and C programs around it, for tests.
package library

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build makes the library in a folder, as build.sh does, with more build tags if
// there are any, and returns the file. root is the repository's.
func Build(root, dir, tags string) (file string, err error) {
	if root, err = filepath.Abs(root); err != nil {
		return "", err
	}
	file = filepath.Join(dir, "libunityp2p.so")
	flags := "-Wl,--version-script=" + root + "/cexport/exports.map -Wl,-z,nodelete -Wl,-soname,libunityp2p.so"
	cmd := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", "-tags", "nethttpomithttp2,"+tags,
		"-ldflags", "-s -w -extldflags '"+flags+"'", "-o", file, "./cexport")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the library: %w\n%s", err, out)
	}
	return file, nil
}

// Find returns the library that UNITYP2P_LIBRARY names, else builds it.
func Find(root, dir string) (file string, err error) {
	if file := os.Getenv("UNITYP2P_LIBRARY"); file != "" {
		return file, nil
	}
	return Build(root, dir, "")
}

// Compile makes a program that uses a library, with the header in the folder
// include.
func Compile(source, include, library, program string) error {
	dir := filepath.Dir(library)
	cmd := exec.Command("gcc", "-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-I"+include, "-o", program, source,
		"-L"+dir, "-lunityp2p", "-ldl", "-lpthread", "-Wl,-rpath,"+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling %s: %w\n%s", source, err, out)
	}
	return nil
}
