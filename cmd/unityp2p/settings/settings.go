// Package settings reads the settings of a program from its flags, its
// environment and a JSON file. One table describes them all: it is what the help
// prints, what the documentation shows and what a mistyped name is compared with.
//
// What counts, the first that says something:
//
//  1. the flag: -max-payload 65536
//  2. the variable: UNITYP2P_MAX_PAYLOAD=65536 (an empty one says nothing)
//  3. the hosting platform's own variable, if the table names one: PORT=8080
//  4. the key in the file: {"maxPayload": 65536} (null says nothing)
//  5. the default
package settings

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Table is all settings of a program. Its rows point to where the settings are
// kept, which hold the defaults before Load.
type Table struct {
	Command string // whose settings, for the help: "serve"
	Prefix  string // what begins the names of variables: "UNITYP2P_"
	Rows    []Row

	sources map[string]string // by a row's name, where its value is from; missing: the default
}

// Row is one setting.
type Row struct {
	Name     string // the flag; the variable is Prefix and the same in capitals, with _ for -
	Short    string // another flag for the same; "": none
	Key      string // in the file, such as "maxPayload" or "acme.hosts"; "": not there, unless Parts are
	Value    Value
	Usage    string // one sentence, for the help and the documentation
	Default  string // the default in words; "": Value as it is before Load
	Secret   bool   // never printed, neither in an error
	FlagOnly bool   // there is no variable
	Parts    []Part // keys of the file that are each a part of this setting
	File     bool   // it is the path of the file; of one row at most

	Platform *Platform // what hosting platforms say of it, of one row at most; nil: nothing
}

// Part is a key of the file that is a part of a setting.
type Part struct {
	Key   string
	Value Value
}

// Platform is a variable that hosting platforms set: Heroku and others say in
// PORT where to listen.
type Platform struct {
	Variables []string // the first one that is not empty counts
	Value     Value    // of the setting, or a part of it
	Replaces  []string // keys of the file, with all below them, that then do not count, right or wrong
}

// Load reads args, environ (as os.Environ has it) and the file that they name.
// Its error has a line for every mistake. Help goes to help, and is flag.ErrHelp.
func (t *Table) Load(args, environ []string, help io.Writer) error {
	t.sources = make(map[string]string)
	given, err := t.parseFlags(args, help)
	if err != nil {
		return err
	}
	variables, problems := t.parseEnvironment(environ)
	platform := t.parsePlatform(environ)
	problems = append(problems, t.loadFile(given, variables, platform)...)
	if platform != nil {
		problems = append(problems, t.set(platform.row, platform.row.Platform.Value, platform.source, platform.text))
	}
	for _, s := range slices.Concat(variables, given) {
		problems = append(problems, t.set(s.row, s.row.Value, s.source, s.text))
	}
	return errors.Join(problems...)
}

// Source says where the value of a setting is from: "-addr", "UNITYP2P_ADDR",
// "PORT", "config.json", or "default".
func (t *Table) Source(name string) string {
	if s, ok := t.sources[name]; ok {
		return s
	}
	return "default"
}

// Default is Source of what nobody has set.
const Default = "default"

// assignment is a text that somebody gives a setting.
type assignment struct {
	row          *Row
	source, text string
}

func (t *Table) set(r *Row, v Value, source, text string) error {
	if err := v.Set(text); err != nil {
		if r.Secret {
			return fmt.Errorf("%s: %w", source, err)
		}
		return fmt.Errorf("%s is %q: %w", source, text, err)
	}
	t.sources[r.Name] = source
	return nil
}

// variable is the name of a row's variable; "" if it has none.
func (t *Table) variable(r *Row) string {
	if r.FlagOnly {
		return ""
	}
	return t.Prefix + strings.ToUpper(strings.ReplaceAll(r.Name, "-", "_"))
}

// loadFile reads the file, if one is given. platform is what the platform says,
// if it does.
func (t *Table) loadFile(given, variables []assignment, platform *assignment) []error {
	var path string
	for _, s := range slices.Concat(variables, given) {
		if s.row.File {
			path = s.text
		}
	}
	if path == "" {
		return nil
	}
	data, err := readBounded(path)
	if err != nil {
		return []error{fmt.Errorf("reading the config: %w", err)}
	}
	f := file{table: t, path: path}
	if platform != nil {
		f.dropped = platform.row.Platform.Replaces
	}
	f.parse(data)
	return f.problems
}

// maxFile bounds a config file.
const maxFile = 1 << 20

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return data, nil
}

// parseFlags returns what the flags say, in their order.
func (t *Table) parseFlags(args []string, help io.Writer) ([]assignment, error) {
	var given []assignment
	flags := flag.NewFlagSet(t.Command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() { t.Help(help) }
	var names []string
	for i := range t.Rows {
		r := &t.Rows[i]
		for _, name := range []string{r.Name, r.Short} {
			if name == "" {
				continue
			}
			names = append(names, name)
			note := func(text string) error {
				given = append(given, assignment{r, "-" + name, text})
				return nil
			}
			if _, ok := r.Value.(*value[bool]); ok {
				flags.BoolFunc(name, "", note)
			} else {
				flags.Func(name, "", note)
			}
		}
	}
	// A mistake is no call for help, which is long: the error says enough.
	usage := flags.Usage
	flags.Usage = func() {}
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage()
		return nil, err
	case err != nil:
		if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
			return nil, fmt.Errorf("there is no flag -%s; the nearest is -%s, and -h shows all", name, nearest(name, names))
		}
		return nil, err
	case flags.NArg() > 0:
		return nil, fmt.Errorf("%s takes flags and no argument, but got %q", t.Command, flags.Arg(0))
	}
	return given, nil
}

// kubernetes are the variables that Kubernetes sets for a service of the name
// unityp2p. Nobody means a setting by them.
var kubernetes = regexp.MustCompile(`^(SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)$`)

// parseEnvironment returns what the variables say.
func (t *Table) parseEnvironment(environ []string) (given []assignment, problems []error) {
	rows := make(map[string]*Row)
	var names []string
	for i := range t.Rows {
		if name := t.variable(&t.Rows[i]); name != "" {
			rows[name] = &t.Rows[i]
			names = append(names, name)
		}
	}
	for _, variable := range environ {
		name, text, _ := strings.Cut(variable, "=")
		rest, ours := strings.CutPrefix(name, t.Prefix)
		switch {
		case !ours || kubernetes.MatchString(rest):
		case rows[name] == nil:
			problems = append(problems, fmt.Errorf("there is no variable %s; the nearest is %s", name, nearest(name, names)))
		case text != "":
			given = append(given, assignment{rows[name], name, text})
		}
	}
	return given, problems
}

// parsePlatform returns what the hosting platform says; nil if it says nothing.
func (t *Table) parsePlatform(environ []string) *assignment {
	for i := range t.Rows {
		r := &t.Rows[i]
		if r.Platform == nil {
			continue
		}
		for _, name := range r.Platform.Variables {
			for _, variable := range environ {
				if text, ok := strings.CutPrefix(variable, name+"="); ok && text != "" {
					return &assignment{r, name, text}
				}
			}
		}
	}
	return nil
}
