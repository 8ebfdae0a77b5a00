//go:build linux

package unitypackage

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"unityp2p/signaling"
)

// What users were promised: the original's README. Its C# is compiled as it
// stands, inside a MonoBehaviour, and runs: a server and three clients, each in a
// process of its own.
const promise = "testdata/UnityP2P-README.txt"

const (
	exampleServer = "wss://my-herokuserver-1234.herokuapp.com"
	exampleRoom   = `roomName = "hi"`
)

// snippets are the README's blocks of C#, by how they begin.
func snippets(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(promise)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, m := range regexp.MustCompile("(?ms)^`\n(.*?)^`$").FindAllStringSubmatch(string(text), -1) {
		// Its two slips.
		code := strings.ReplaceAll(m[1], "isReliable=True;", "isReliable=true;")
		code = strings.ReplaceAll(code, ";\\\n", ";\n")
		found[beginning(code)] = code
	}
	return found
}

// beginning is a snippet's first line.
func beginning(code string) string {
	first, _, _ := strings.Cut(code, "\n")
	return first
}

// pieces is how snippets become a class: the first lines of what stands where.
var pieces = struct{ start, update, members, received, send, sendAll []string }{
	start: []string{
		`string signalingServer = "` + exampleServer + `"; // Use your server as discussed above here`,
		"server.OnConnection += Server_OnConnection;",
		"server.OnReceivedMessage += Server_OnReceivedMessage;",
	},
	update: []string{"server.UpdateServer();"},
	members: []string{
		"void Server_OnConnection(ConnectionId connectionId)",
		"void Server_OnReceivedMessage(NetworkEvent message)",
		"void OnApplicationQuit()",
	},
	received: []string{"bool isReliable = (message.Type == NetEventType.ReliableMessageReceived);"},
	send:     []string{"// Make some byte[] data; above"},
	sendAll:  []string{"server.SendMessageToAll(data, isReliable);"},
}

// behaviour writes the README's server as a MonoBehaviour. Locals of Start go
// into fields at its end, so that the other snippets find them.
func behaviour(t *testing.T, url, room string) string {
	t.Helper()
	all := snippets(t)
	take := func(firsts []string) string {
		var code strings.Builder
		for _, f := range firsts {
			if all[f] == "" {
				t.Fatalf("the README has no snippet that begins with %q", f)
			}
			code.WriteString(all[f])
		}
		return code.String()
	}
	code := fmt.Sprintf(`using System;
using System.Text;
using UnityEngine;
using UnityP2P;

public partial class ReadmeServer : MonoBehaviour
{
    private P2PServer server;

    void Start()
    {
%s
        this.server = server;
        Started();
    }

    void Update()
    {
%s
        Frame();
    }

%s

    static bool IsReliable(NetworkEvent message)
    {
%s
        return isReliable;
    }

    void Send(ConnectionId connectionId, byte[] data)
    {
%s
    }

    void SendToAll(byte[] data, int dataOffset, int dataLen, bool isReliable)
    {
%s
    }

    void EndWhenDone()
    {
%s
    }
}
`, take(pieces.start), take(pieces.update), take(pieces.members), take(pieces.received), take(pieces.send),
		take(pieces.sendAll), all["server.Dispose();"])
	code = strings.ReplaceAll(code, exampleServer, url)
	return strings.ReplaceAll(code, exampleRoom, `roomName = "`+room+`"`)
}

// client is the same for P2PClient: "All of the other callbacks and methods are
// identical to the server."
func client(t *testing.T, server string) string {
	t.Helper()
	all := snippets(t)
	for _, own := range []string{"P2PClient client = new P2PClient(signalingServer, roomName);", "client.UpdateClient();"} {
		if all[own] == "" {
			t.Fatalf("the README has no snippet %q", own)
		}
	}
	code := strings.NewReplacer(
		"signalingServer", "signalingServer", // not its "Server"
		"P2PServer", "P2PClient", "UpdateServer", "UpdateClient", "Server_", "Client_", "server", "client",
		"Server received", "Client received", "ReadmeServer", "ReadmeClient",
	).Replace(server)
	if !strings.Contains(code, all["client.UpdateClient();"]) ||
		!strings.Contains(code, all["P2PClient client = new P2PClient(signalingServer, roomName);"]) {
		t.Fatalf("the client is not the README's:\n%s", code)
	}
	return code
}

// Nothing that the README shows is left out.
func TestEverySnippetOfTheREADMEIsRun(t *testing.T) {
	server := behaviour(t, exampleServer, "hi")
	program := server + client(t, server)
	all := snippets(t)
	for first, code := range all {
		if !strings.Contains(program, code) {
			t.Errorf("the snippet that begins with %q is not run", first)
		}
	}
	if len(all) != 13 {
		t.Errorf("%d snippets of C# in the README, not 13", len(all))
	}
}

func TestTheREADMEIsTrue(t *testing.T) {
	dir := project(t)
	web := serveSignaling(t)
	url := "ws" + strings.TrimPrefix(web, "http")
	server := behaviour(t, url, "hi")
	write := func(name, code string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	exe := program(t, dir, "Readme", write("ReadmeServer.cs", server), write("ReadmeClient.cs", client(t, server)),
		"testdata/ReadmeDriver.cs")
	for _, runtime := range runtimes {
		t.Run(runtime, func(t *testing.T) { meetAsInTheREADME(t, dir, runtime, exe) })
	}
}

// meetAsInTheREADME plays a room of four processes.
func meetAsInTheREADME(t *testing.T, dir, runtime, exe string) {
	names := []string{"server", "client1", "client2", "client3"}
	var members []*child
	for _, name := range names {
		members = append(members, start(t, beside(dir), runtime, exe, name))
	}
	for i, m := range members {
		for range len(members) - 1 {
			m.await(t, `(Client: \d+ connected)`)
		}
		for j, other := range names {
			if j != i {
				m.await(t, `says hello from `+other+` ReliableMessageReceived`)
				m.await(t, `says quick from `+other+` UnreliableMessageReceived`)
				m.await(t, `says part from `+other+` ReliableMessageReceived`)
			}
		}
		m.await(t, `3 distinct peers, directly`)
	}
	members[2].say("quit")
	members[2].end(t)
	for _, i := range []int{0, 1, 3} {
		members[i].await(t, `(Client: \d+ disconnected)`)
		members[i].await(t, `2 peers are left`)
	}
	members[0].say("quit")
	members[0].end(t)
	for _, i := range []int{1, 3} {
		members[i].await(t, `1 peers are left`)
		members[i].say("quit")
		members[i].end(t)
	}
}

// serveSignaling is a signaling server for the test.
func serveSignaling(t *testing.T) string {
	t.Helper()
	server, err := signaling.New(signaling.Config{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(func() {
		web.CloseClientConnections()
		web.Close()
	})
	return web.URL
}
