// Command notices prints THIRD-PARTY-NOTICES: the licences of all that is linked
// into the packages that its arguments name. "./build.sh notices" writes the files.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	w := bufio.NewWriter(os.Stdout)
	err := write(w, os.Args[1:]...)
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

const head = `UnityP2P links the following software. Each part is under its own licence.
`

// module is one module of Go and where its source is.
type module struct{ path, version, dir string }

func write(w io.Writer, packages ...string) error {
	modules, err := linked(packages...)
	if err != nil {
		return err
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	modules = append(modules, module{"The Go programming language", "", strings.TrimSpace(string(goroot))})
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	for _, m := range modules {
		text, err := licence(m.dir)
		if err != nil {
			return fmt.Errorf("%s: %w", m.path, err)
		}
		title := strings.TrimSpace(m.path + " " + m.version)
		_, err = fmt.Fprintf(w, "\n%s\n%s\n%s\n\n%s\n", strings.Repeat("=", 72), title, strings.Repeat("=", 72), bytes.TrimSpace(text))
		if err != nil {
			return err
		}
	}
	return nil
}

// linked lists the modules, other than our own, that the packages are made of.
func linked(packages ...string) ([]module, error) {
	args := append([]string{
		"list", "-deps", "-f",
		"{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}",
	}, packages...)
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var modules []module
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 3 {
			continue
		}
		if m := (module{f[0], f[1], f[2]}); !slices.Contains(modules, m) {
			modules = append(modules, m)
		}
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(a.path, b.path) })
	return modules, nil
}

func licence(dir string) ([]byte, error) {
	for _, name := range []string{"LICENSE", "LICENSE.txt", "LICENSE.md", "COPYING", "LICENCE"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			return text, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	return nil, errors.New("no licence file")
}
