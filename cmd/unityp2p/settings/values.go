package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Value is where a setting is kept. Its errors say what is wanted and leave out
// what was given, which may be secret.
type Value interface {
	String() string                // as Set takes it
	Set(text string) error         // of a flag or a variable
	SetJSON(json.RawMessage) error // of the file; never null
	Kind() string                  // what it takes, in a word or two: "duration"
}

// value is a Value of type T at p.
type value[T any] struct {
	p      *T
	kind   string
	parse  func(text string) (T, error)
	format func(T) string
	decode func(json.RawMessage) (T, error)
}

func (v *value[T]) String() string { return v.format(*v.p) }
func (v *value[T]) Kind() string   { return v.kind }

func (v *value[T]) Set(text string) error {
	x, err := v.parse(text)
	if err == nil {
		*v.p = x
	}
	return err
}

func (v *value[T]) SetJSON(raw json.RawMessage) error {
	x, err := v.decode(raw)
	if err == nil {
		*v.p = x
	}
	return err
}

// Of is a setting of any type, which the file has as a string.
func Of[T any](p *T, kind string, parse func(text string) (T, error), format func(T) string) Value {
	return WithJSON(p, kind, parse, format, func(raw json.RawMessage) (T, error) {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			var zero T
			return zero, errors.New("a string is wanted")
		}
		return parse(text)
	})
}

// WithJSON is a setting of any type that has a form of its own in the file.
func WithJSON[T any](p *T, kind string, parse func(string) (T, error), format func(T) string, decode func(json.RawMessage) (T, error)) Value {
	return &value[T]{p: p, kind: kind, parse: parse, format: format, decode: decode}
}

// Text is any text.
func Text(p *string) Value {
	return Of(p, "text", Any, func(s string) string { return s })
}

// Any takes any text as it is, for Of and List.
func Any(text string) (string, error) { return text, nil }

// Path is a file or a directory. In the config file it is relative to that file.
func Path(p *string) Value { return &path{Text(p), p} }

type path struct {
	Value
	p *string
}

func (v *path) Kind() string { return "path" }

// relativeTo is called after SetJSON with the config file's directory.
func (v *path) relativeTo(dir string) {
	if *v.p != "" && !filepath.IsAbs(*v.p) {
		*v.p = filepath.Join(dir, *v.p)
	}
}

// Choice is one of some words.
func Choice(p *string, words ...string) Value {
	return Of(p, strings.Join(words, ", "), func(text string) (string, error) {
		for _, w := range words {
			if text == w {
				return w, nil
			}
		}
		return "", fmt.Errorf("one of %s is wanted; the nearest is %s", strings.Join(words, ", "), nearest(text, words))
	}, func(s string) string { return s })
}

// Bool is true or false. A flag without a value is true.
func Bool(p *bool) Value {
	wanted := errors.New("true or false is wanted")
	return WithJSON(p, "true or false", func(text string) (bool, error) {
		b, err := strconv.ParseBool(text)
		if err != nil {
			return false, wanted
		}
		return b, nil
	}, strconv.FormatBool, func(raw json.RawMessage) (b bool, err error) {
		if json.Unmarshal(raw, &b) != nil {
			return false, wanted
		}
		return b, nil
	})
}

// Number is a whole number from low to high.
func Number[N int | int32 | int64 | uint16 | uint32](p *N, low, high N) Value {
	wanted := fmt.Errorf("a whole number from %d to %d is wanted", low, high)
	parse := func(text string) (N, error) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < int64(low) || n > int64(high) {
			return 0, wanted
		}
		return N(n), nil
	}
	return WithJSON(p, "number", parse,
		func(n N) string { return strconv.FormatInt(int64(n), 10) },
		func(raw json.RawMessage) (N, error) { return parse(string(raw)) })
}

// Duration is a time from low to high, such as "90s" or "2m30s", in the file a
// string.
func Duration(p *time.Duration, low, high time.Duration) Value {
	return Of(p, "duration", func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		if err != nil || d < low || d > high {
			return 0, fmt.Errorf("a duration such as 10s or 2m is wanted, from %v to %v", low, high)
		}
		return d, nil
	}, time.Duration.String)
}

// List is a list of what parse takes: with commas in a flag or a variable, an
// array of strings in the file. It replaces what was there.
func List[T any](p *[]T, kind string, parse func(string) (T, error)) Value {
	all := func(texts []string) (list []T, err error) {
		for _, text := range texts {
			x, err := parse(strings.TrimSpace(text))
			if err != nil {
				return nil, err
			}
			list = append(list, x)
		}
		return list, nil
	}
	return WithJSON(p, kind, func(text string) ([]T, error) {
		if text == "" {
			return nil, nil
		}
		return all(strings.Split(text, ","))
	}, func(list []T) string {
		texts := make([]string, len(list))
		for i, x := range list {
			texts[i] = fmt.Sprint(x)
		}
		return strings.Join(texts, ",")
	}, func(raw json.RawMessage) ([]T, error) {
		var texts []string
		if json.Unmarshal(raw, &texts) != nil {
			return nil, errors.New("an array of strings is wanted")
		}
		return all(texts)
	})
}
