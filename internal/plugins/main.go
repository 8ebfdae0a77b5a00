// Command plugins writes the .meta files that tell Unity which platform each
// native library in a Plugins folder is for: one table (table.go) for all.
//
//	plugins unity/Plugins
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: plugins FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "plugins:", err)
		os.Exit(1)
	}
}

// write writes a .meta beside every library and folder of the table that is
// there. A folder that is not in the table is for C programs alone: Unity has no
// such platform, and a release leaves it out of the package.
func write(root string) error {
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		inside = filepath.ToSlash(inside)
		if entry.IsDir() {
			guid, ok := folders[inside]
			if !ok {
				fmt.Printf("%s: Unity has no such platform\n", name)
				return fs.SkipDir
			}
			return os.WriteFile(name+".meta", []byte(folderMeta(guid)), 0o644)
		}
		if filepath.Ext(name) == ".meta" {
			return nil
		}
		p := find(inside)
		if p == nil {
			return fmt.Errorf("%s is no library of the table", name)
		}
		return os.WriteFile(name+".meta", []byte(p.meta()), 0o644)
	})
}
