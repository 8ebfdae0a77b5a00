//go:build linux

package unitypackage

import (
	"context"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// result is one case of NUnit 2.6's report.
type result struct {
	Name    string `xml:"name,attr"`
	Result  string `xml:"result,attr"`
	Message string `xml:"failure>message"`
	Stack   string `xml:"failure>stack-trace"`
}

// The package's own tests, as Unity's Test Runner runs them, under both
// collectors.
func TestNUnit(t *testing.T) {
	dir := project(t)
	tests := filepath.Join(dir, "UnityP2P.Tests.dll")
	assembly{
		out: tests, defines: append([]string{"UNITY_INCLUDE_TESTS"}, editor...), sources: sources(t, "unity/Tests"),
		references: []string{filepath.Join(dir, "UnityP2P.dll"), "nunit.framework"},
	}.compile(t)
	for _, runtime := range runtimes {
		t.Run(runtime, func(t *testing.T) {
			results := nunit(t, dir, runtime, tests)
			if len(results) < 40 {
				t.Errorf("only %d tests ran", len(results))
			}
			for _, r := range results {
				t.Run(r.Name, func(t *testing.T) {
					if r.Result != "Success" {
						t.Errorf("%s: %s\n%s", r.Result, r.Message, r.Stack)
					}
				})
			}
		})
	}
}

func nunit(t *testing.T, dir, runtime, tests string) []result {
	t.Helper()
	limit := 3 * patience
	if minutes := os.Getenv("UNITYP2P_GC_STRESS_MINUTES"); minutes != "" {
		extra, err := time.ParseDuration(minutes + "m")
		if err != nil {
			t.Fatal(err)
		}
		limit += extra
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	report := filepath.Join(dir, runtime+".xml")
	// -run and not all of the assembly: so NUnit takes no folder for a test.
	cmd := exec.CommandContext(ctx, runtime, "--debug", nunitConsole, "-nologo", "-noshadow", "-domain:None",
		"-work="+dir, "-xml="+report, "-run=UnityP2P.Tests", tests)
	cmd.Env = append(os.Environ(), beside(dir)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	data, missing := os.ReadFile(report)
	if missing != nil {
		t.Fatalf("%s ended without a report, %v:\n%s", runtime, err, out)
	}
	return cases(t, data)
}

// cases are all of a report, however deep.
func cases(t *testing.T, report []byte) []result {
	t.Helper()
	var all []result
	var walk func(suite)
	walk = func(s suite) {
		all = append(all, s.Cases...)
		for _, inner := range s.Suites {
			walk(inner)
		}
	}
	var top struct {
		Suites []suite `xml:"test-suite"`
	}
	if err := xml.Unmarshal(report, &top); err != nil {
		t.Fatal(err)
	}
	for _, s := range top.Suites {
		walk(s)
	}
	return all
}

type suite struct {
	Cases  []result `xml:"results>test-case"`
	Suites []suite  `xml:"results>test-suite"`
}
