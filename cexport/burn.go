//go:build burn

package main

import (
	"os"
	"strconv"
)

// Tests build the library with goroutines that never rest, to see what a game
// feels of an engine that is busy.
func init() {
	n, _ := strconv.Atoi(os.Getenv("UNITYP2P_BURN"))
	for range n {
		go func() {
			for x := 0; ; x++ {
				burned = x
			}
		}()
	}
}

var burned int
