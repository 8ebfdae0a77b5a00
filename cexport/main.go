// Command cexport is the C shared library: include/p2p.h in front, package core
// behind.
//
// The P2P_ functions are C and never enter Go (bridge.h says how). The Go side
// is a pump: it takes commands from the bridge's queue and puts events into the
// inboxes of handles.
package main

/*
#cgo CFLAGS: -std=gnu11 -O2 -Wall -Wextra -Werror -fvisibility=hidden
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import "unsafe"

// version and commit are set by the linker.
var (
	version = "0.1.0-dev"
	commit  = ""
)

// init runs when the library is loaded, on a thread of Go's own.
func init() {
	limitEngine()
	text := version
	if commit != "" {
		text += " (" + commit + ")"
	}
	c := C.CString(text)
	C.bridge_version(c)
	C.free(unsafe.Pointer(c))
	go newPump().run()
}

// main is never called in a library.
func main() {}
