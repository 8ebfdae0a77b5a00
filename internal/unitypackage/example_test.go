//go:build linux

package unitypackage

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	sample         = unity + "/Samples~/ExampleP2P"
	exampleProject = root + "/examples/UnityProject"
)

// Play: the console shows both talking, and no warning, with nothing deployed.
func TestTheExampleTalks(t *testing.T) {
	dir := project(t)
	exe := program(t, dir, "Example", append(sources(t, "unity/Samples~"), "testdata/Example.cs")...)
	c := start(t, beside(dir), "mono", exe)
	for _, line := range []string{
		`^Signaling server: listening on port 12776`,
		`^Server: Connected`,
		`^Server: client 1 connected, 1 in the room`,
		`^Client: connected to the server as 1`,
		`^Client: 1 says "welcome, client"`,
		`^Server: client 1 says "hello, reliably"`,
		`^Client: 1 says "I heard: hello, reliably"`,
	} {
		c.await(t, line)
	}
	c.say("stop")
	c.await(t, "^stopped")
	c.end(t)
	if out := c.output(); strings.Contains(out, "Error") || strings.Contains(out, "Warning") || strings.Contains(out, "Exception") {
		t.Errorf("errors or warnings in the console:\n%s", out)
	}
}

// The project that opens in the editor has the sample's files, byte for byte.
func TestTheProjectAndTheSampleAreTheSame(t *testing.T) {
	files, err := os.ReadDir(sample)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		a, err := os.ReadFile(filepath.Join(sample, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(exampleProject, "Assets", f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs: copy it from unity/Samples~ to examples/UnityProject/Assets", f.Name())
		}
	}
}
