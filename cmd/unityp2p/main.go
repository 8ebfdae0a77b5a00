// Command unityp2p is the signaling server, and a room in the terminal.
//
//	unityp2p serve          run the signaling server
//	unityp2p cert HOST…     make a certificate for testing
//	unityp2p host ROOM      host a room and talk to whoever joins
//	unityp2p join ROOM      join it
//	unityp2p doctor URL     check a deployed server from outside
//	unityp2p token          make a signed token for the server
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Set by the linker.
var (
	version = "0.1.0-dev"
	commit  string // "": unknown
)

// versionText is the version for people, with the commit if it is known.
func versionText() string {
	if commit == "" {
		return version
	}
	return version + " (" + commit + ")"
}

const usage = `usage: unityp2p COMMAND [FLAGS]

  serve        run the signaling server
  cert HOST…   make a certificate for testing
  host ROOM    host a room; what you type goes to everyone in it
  join ROOM    join a room
  doctor URL   check a deployed server from outside, step by step
  token        make a signed token, which says who may host or join what
  bench signaling  measure the signaling server beside a plain one
  version      print the version

"unityp2p COMMAND -h" lists the flags of a command.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprint(os.Stderr, usage)
		if len(os.Args) > 1 {
			fmt.Fprintf(os.Stderr, "unityp2p: there is no command %q\n", os.Args[1])
		}
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "unityp2p:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("unknown command")

func run(ctx context.Context, args []string, in io.Reader, out, errors io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "serve":
		return serve(ctx, input{args[1:], os.Environ(), errors}, out, errors)
	case "cert":
		return makeCert(input{args: args[1:], help: errors}, out)
	case "host", "join":
		return talk(ctx, args[0] == "host", args[1:], in, out, errors)
	case "doctor":
		return examine(ctx, args[1:], out, errors)
	case "token":
		return token(args[1:], os.LookupEnv, out, errors)
	case "bench":
		return bench(ctx, args[1:], out, errors)
	case "version":
		_, err := fmt.Fprintln(out, versionText())
		return err
	case "help", "-h", "--help":
		_, err := fmt.Fprint(out, usage)
		return err
	}
	return errUsage
}
