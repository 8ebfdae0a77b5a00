package core_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"

	"unityp2p/core"
	"unityp2p/signaling"
)

// A host and a client meet in a room and talk directly. Here they are in one
// process, with the signaling server; usually each is on a machine of its own.
func Example() {
	server, err := signaling.New(signaling.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	web := httptest.NewServer(server)
	defer web.Close()

	cfg := core.Config{
		Signaling:  strings.Replace(web.URL, "http", "ws", 1),
		Room:       "lobby",
		Loopback:   core.LoopbackOnly,  // this machine only
		ICEServers: []core.ICEServer{}, // and no STUN
	}
	host, err := core.NewHost(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	client, err := core.NewClient(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	ctx := context.Background()
	for {
		e, err := client.Next(ctx)
		if err != nil {
			return
		}
		if e.Type == core.Connected {
			fmt.Println("connected to the host:", e.Host)
			_ = client.Send(e.Conn, []byte("hello"), true)
			break
		}
	}
	for {
		e, err := host.Next(ctx)
		if err != nil {
			return
		}
		if e.Type == core.Message {
			fmt.Printf("the host got %q\n", e.Data)
			return
		}
	}
	// Output:
	// connected to the host: true
	// the host got "hello"
}
