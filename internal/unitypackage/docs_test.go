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

// The API page has every public type and member, with the texts of the code.
func TestTheAPIPageIsComplete(t *testing.T) {
	dir := project(t)
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
	raw, err := os.ReadFile(filepath.Join(unity, "Documentation~", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := flat(string(raw))
	internal := regexp.MustCompile(`:UnityP2P\.(Native\w*|Inbox|Members|Handlers|IReceiver|LogLines|PauseWatcher|UnityHooks)\b`)
	// What .NET asks of every type, and what only the package itself calls.
	plumbing := regexp.MustCompile(`\.(Finalize|GetHashCode|Equals\(.*|op_\w+\(.*|P2PRoom\.Poll|P2PLog\.Exception\(.*)$|~`)
	for _, m := range doc.Members {
		if internal.MatchString(m.Name) || plumbing.MatchString(m.Name) || strings.HasSuffix(m.Name, "Callback") {
			continue
		}
		if !strings.Contains(page, flat(m.Summary)) {
			t.Errorf("api.md lacks %s: %s", m.Name, flat(m.Summary))
		}
	}
}

// flat has one space where there are any.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }
