//go:build linux

// Command player is one player of internal/game. Its argument is a game.Config.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"unityp2p/internal/game"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "player:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("want one argument, got %d", len(os.Args)-1)
	}
	var cfg game.Config
	if err := json.Unmarshal([]byte(os.Args[1]), &cfg); err != nil {
		return err
	}
	return game.Run(cfg, os.Stdin, os.Stdout)
}
