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

import (
	"strings"
	"unsafe"
)

// identity is set by the linker: "unityp2p", the version and the commit. In one piece,
// so that it can be found in a file.
var identity = "unityp2p/0.1.0-dev/"

// init runs when the library is loaded, on a thread of Go's own.
func init() {
	limitEngine()
	text, commit, _ := strings.Cut(strings.TrimPrefix(identity, "unityp2p/"), "/")
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
