package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// file is the config file while it is read.
type file struct {
	table    *Table
	path     string
	dropped  []string // see Platform.Replaces
	problems []error
}

func (f *file) wrong(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if f.path != "" {
		err = fmt.Errorf("%s: %w", f.path, err)
	}
	f.problems = append(f.problems, err)
}

// Object reads a JSON object that has these keys at most, for settings that are
// made of objects.
func Object(raw json.RawMessage, parts ...Part) error {
	f := file{table: &Table{Rows: []Row{{Parts: parts}}, sources: make(map[string]string)}}
	f.object("", raw)
	return errors.Join(f.problems...)
}

// parse reads the file's text, which may begin with a byte order mark.
func (f *file) parse(data []byte) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			f.wrong("line %d is no valid JSON: %w", 1+bytes.Count(data[:syntax.Offset], []byte("\n")), err)
		} else {
			f.wrong("no valid JSON: %w", err)
		}
		return
	}
	f.object("", raw)
}

// object reads an object whose keys begin with prefix.
func (f *file) object(prefix string, raw json.RawMessage) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil || object == nil {
		if prefix == "" {
			f.wrong("an object is wanted: {…}")
		} else {
			f.wrong("%s: an object is wanted: {…}", strings.TrimSuffix(prefix, "."))
		}
		return
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		f.key(prefix+name, object[name])
	}
}

func (f *file) key(key string, raw json.RawMessage) {
	nothing := string(raw) == "null"
	row, v := f.table.key(key)
	switch {
	case row != nil:
		if nothing || f.drops(key) {
			return
		}
		if err := v.SetJSON(raw); err != nil {
			if row.Secret {
				f.wrong("%s: %w", key, err)
			} else {
				f.wrong("%s is %s: %w", key, shorten(raw), err)
			}
			return
		}
		if p, ok := v.(*path); ok {
			p.relativeTo(filepath.Dir(f.path))
		}
		f.table.sources[row.Name] = filepath.Base(f.path)
	case f.table.section(key):
		if !nothing {
			f.object(key+".", raw)
		}
	default:
		f.wrong("there is no key %q; the nearest is %q", key, nearestKey(key, f.table.keys()))
	}
}

func (f *file) drops(key string) bool {
	return slices.ContainsFunc(f.dropped, func(d string) bool { return key == d || strings.HasPrefix(key, d+".") })
}

// shorten makes what the file says fit into a line.
func shorten(raw json.RawMessage) string {
	const most = 60
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil || b.Len() > most {
		return string(bytes.ToValidUTF8(b.Bytes()[:min(most, b.Len())], nil)) + "…"
	}
	return b.String()
}

// key finds the row of a key of the file, and what it sets.
func (t *Table) key(key string) (*Row, Value) {
	for i := range t.Rows {
		r := &t.Rows[i]
		if r.Key == key && key != "" {
			return r, r.Value
		}
		for _, p := range r.Parts {
			if p.Key == key {
				return r, p.Value
			}
		}
	}
	return nil, nil
}

func (t *Table) keys() (keys []string) {
	for i := range t.Rows {
		keys = append(keys, t.Rows[i].keys()...)
	}
	return keys
}

func (r *Row) keys() (keys []string) {
	if r.Key != "" {
		keys = append(keys, r.Key)
	}
	for _, p := range r.Parts {
		keys = append(keys, p.Key)
	}
	return keys
}

// section tells whether there are keys below this one.
func (t *Table) section(key string) bool {
	return slices.ContainsFunc(t.keys(), func(k string) bool { return strings.HasPrefix(k, key+".") })
}
