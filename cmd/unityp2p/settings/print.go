package settings

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Print writes every setting as it is, and where it is from. Secrets are hidden.
func (t *Table) Print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SETTING\tVALUE\tFROM")
	for i := range t.Rows {
		r := &t.Rows[i]
		text := r.Value.String()
		switch {
		case text == "":
			text = "-"
		case r.Secret:
			text = "(hidden)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", r.Name, text, t.Source(r.Name))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the settings: %w", err)
	}
	return nil
}

// Help writes what -h shows. Call it, and Markdown, before Load: they show the
// defaults.
func (t *Table) Help(w io.Writer) {
	fmt.Fprintf(w, "usage: unityp2p %s [FLAGS]\n\n", t.Command)
	for i := range t.Rows {
		r := &t.Rows[i]
		name := "-" + r.Name
		if r.Short != "" {
			name = "-" + r.Short + ", " + name
		}
		if kind := r.Value.Kind(); kind != "true or false" {
			name += " " + strings.ToUpper(strings.NewReplacer(" ", "-", ", ", "|").Replace(kind))
		}
		fmt.Fprintf(w, "  %s\n    \t%s", name, r.Usage)
		if d := r.initial(); d != "" {
			fmt.Fprintf(w, " (default: %s)", d)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\nA setting is also the variable %s… and a key of the config file. A flag counts\nbefore a variable, a variable before the file.\n", t.Prefix)
}

// initial is the default, for people.
func (r *Row) initial() string {
	if r.Default != "" {
		return r.Default
	}
	if s := r.Value.String(); s != "false" {
		return s
	}
	return ""
}

// Markdown returns the table of all settings for the documentation.
func (t *Table) Markdown() string {
	var b strings.Builder
	b.WriteString("| flag | variable | in config.json | takes | default | |\n|---|---|---|---|---|---|\n")
	code := func(text string) string {
		if text == "" {
			return "-"
		}
		return "`" + text + "`"
	}
	for i := range t.Rows {
		r := &t.Rows[i]
		names := code("-" + r.Name)
		if r.Short != "" {
			names = code("-"+r.Short) + ", " + names
		}
		var keys []string
		for _, k := range r.keys() {
			keys = append(keys, code(k))
		}
		if keys == nil {
			keys = []string{"-"}
		}
		initial := r.Default
		if initial == "" {
			initial = code(r.initial())
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", names, code(t.variable(r)), strings.Join(keys, ", "), r.Value.Kind(), initial, r.Usage)
	}
	return b.String()
}
