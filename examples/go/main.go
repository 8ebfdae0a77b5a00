// Command go is a room of two in one process: the shortest use of package core.
// It needs a signaling server: go run ./cmd/unityp2p serve
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"unityp2p/core"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	signaling := "ws://127.0.0.1:12776"
	if len(os.Args) > 1 {
		signaling = os.Args[1]
	}
	if err := run(ctx, signaling); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, signaling string) error {
	cfg := core.Config{Signaling: signaling, Room: "example"}
	host, err := core.NewHost(cfg)
	if err != nil {
		return err
	}
	defer host.Close()
	client, err := core.NewClient(cfg)
	if err != nil {
		return err
	}
	defer client.Close()

	// The client greets whoever connects; the host prints what it hears.
	go func() {
		for {
			e, err := client.Next(ctx)
			if err != nil {
				return
			}
			if e.Type == core.Connected {
				_ = client.Send(e.Conn, []byte("hello, host"), true)
			}
		}
	}()
	for {
		e, err := host.Next(ctx)
		if err != nil {
			return err
		}
		switch e.Type {
		case core.RoomTrouble:
			fmt.Println("trouble:", e.Text)
		case core.Message:
			fmt.Printf("%s says %q\n", e.Member, e.Data)
			return nil
		}
	}
}
