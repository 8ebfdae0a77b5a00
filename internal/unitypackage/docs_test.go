//go:build linux

package unitypackage

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// around is what a snippet of a few lines may use.
const around = `using System;
using System.Text;
using UnityEngine;
using UnityP2P;

public class Snippet%d : MonoBehaviour
{
    private P2PServer server;
    private P2PClient client;
    private string signalingServer = "ws://127.0.0.1:12776";
    private string roomName = "room";

    private void Lines(ConnectionId connectionId, byte[] data, NetworkEvent message)
    {
%s
    }

    private void Use()
    {
        server = new P2PServer(signalingServer, roomName);
        client = new P2PClient(signalingServer, roomName);
        server.Dispose();
        client.Dispose();
    }
}
`

// Every block of C# in the documentation compiles: a file as it stands, some
// lines inside a MonoBehaviour.
func TestSnippetsOfTheDocumentationCompile(t *testing.T) {
	dir := project(t)
	pages, err := filepath.Glob(filepath.Join(unity, "Documentation~", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	count := 0
	fence := regexp.MustCompile("(?ms)^```csharp\n(.*?)^```$")
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
			count++
			code := m[1]
			if !strings.HasPrefix(code, "using ") {
				code = fmt.Sprintf(around, count, code)
			}
			file := filepath.Join(dir, fmt.Sprintf("snippet%d.cs", count))
			if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
			assembly{
				out: file + ".dll", defines: editor, sources: []string{file}, unused: true,
				references: []string{filepath.Join(dir, "UnityEngine.dll"), filepath.Join(dir, "UnityP2P.dll")},
			}.compile(t)
		}
	}
	if count < 8 {
		t.Errorf("only %d snippets", count)
	}
}

// dotnet is what .NET asks of every value.
var dotnet = regexp.MustCompile(`\.(Equals|GetHashCode)$`)

// The API page has every public type and member, with the texts of the code; and
// it has no other.
func TestTheAPIPageIsComplete(t *testing.T) {
	dir := project(t)
	raw, err := os.ReadFile(filepath.Join(unity, "Documentation~", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	page, written, comments := flat(string(raw)), named(string(raw)), summaries(t, dir)
	public := map[string]bool{}
	for _, name := range strings.Fields(run(t, nil, "mono", program(t, dir, "Api", "testdata/Api.cs"))) {
		public[name] = true
		// Without a comment (and mcs asks for one everywhere else) it is the
		// constructor that nobody wrote.
		if _, commented := comments[name]; commented && !written[name] && !dotnet.MatchString(name) {
			t.Errorf("api.md lacks %s", name)
		}
	}
	for name := range written {
		if !public[name] {
			t.Errorf("api.md has %s, and the code has not", name)
		}
	}
	for key, summary := range comments {
		name, _, _ := strings.Cut(key, "#")
		if public[name] && !strings.HasSuffix(name, "Callback") && !dotnet.MatchString(name) && !strings.Contains(page, summary) {
			t.Errorf("api.md says of %s something else than the code: %s", name, summary)
		}
	}
}

// named are the types that the page has as titles and the members that it lists
// below, as "Type" and "Type.Member".
func named(page string) map[string]bool {
	names, current := map[string]bool{}, ""
	member := regexp.MustCompile("^- `(\\w+)")
	inline := regexp.MustCompile("`(\\w+Callback)`")
	for _, line := range strings.Split(page, "\n") {
		if title, ok := strings.CutPrefix(line, "### "); ok {
			current = title
			names[current] = true
		} else if m := member.FindStringSubmatch(line); m != nil {
			names[current+"."+m[1]] = true
		}
		for _, m := range inline.FindAllStringSubmatch(line, -1) {
			names[current+"."+m[1]] = true
		}
	}
	return names
}

// summaries are the code's comments, by "Type" and "Type.Member"; with "#" and a
// number, those of further overloads.
func summaries(t *testing.T, dir string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "UnityP2P.dll.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Members []struct {
			Name    string `xml:"name,attr"`
			Summary string `xml:"summary"`
		} `xml:"members>member"`
	}
	if err := xml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for i, m := range doc.Members {
		name, _, _ := strings.Cut(m.Name, "(")
		name = strings.TrimPrefix(name[2:], "UnityP2P.")
		if kind, ok := strings.CutSuffix(name, ".#ctor"); ok {
			name = kind + "." + kind
		}
		if _, twice := found[name]; twice {
			name = fmt.Sprintf("%s#%d", name, i)
		}
		found[name] = flat(m.Summary)
	}
	return found
}

// flat has one space where there are any.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }
