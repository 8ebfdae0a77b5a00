//go:build linux

package stay

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"unityp2p/internal/netlab"
)

// programs is the folder with those that run in the networks: unityp2p and
// player. They are built apart, since the race detector makes everything late.
var programs string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	// The tests wait more than they work.
	flag.Parse()
	if !strict && flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = flag.Set("test.parallel", "6")
	}
	if netlab.Possible() == nil {
		dir, err := os.MkdirTemp("", "stay")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		programs = dir
		build := exec.Command("go", "build", "-o", dir, "unityp2p/cmd/unityp2p", "unityp2p/internal/game/player")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the programs: %v\n%s", err, out)
			return 1
		}
	}
	return m.Run()
}

// command runs a program without the variables of the tests, which it would take
// for settings of its own.
func command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(programs, name), args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "UNITYP2P_")
	})
	return cmd
}
