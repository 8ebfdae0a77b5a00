package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"unityp2p/signaling/jwt"
)

// tokenSecretVariable holds the secret of signed tokens, for `token` and `serve`.
const tokenSecretVariable = "UNITYP2P_TOKEN_SECRET"

const tokenUsage = `Makes a signed token (JWT, HS256) for a server that has the same secret. The
secret is in the environment, as ` + tokenSecretVariable + `, or in a file. What a
token allows cannot be taken back before it ends: make it short.
`

// words collects a flag that may be given more than once.
type words []string

func (w *words) String() string { return strings.Join(*w, ",") }

func (w *words) Set(text string) error {
	*w = append(*w, text)
	return nil
}

// token runs `token`: it prints one.
func token(args []string, lookup func(string) (string, bool), out, errOut io.Writer) error {
	flags := flag.NewFlagSet("token", flag.ContinueOnError)
	flags.SetOutput(errOut)
	var c jwt.Claims
	flags.BoolVar(&c.Host, "host", false, "it may host the rooms")
	flags.BoolVar(&c.Join, "join", false, "it may join the rooms")
	flags.Var((*words)(&c.Rooms), "room", "a `room`'s name; may be given more than once")
	flags.Var((*words)(&c.Prefixes), "prefix", "what rooms' `names` begin with; may be given more than once; \"\" is every room")
	flags.StringVar(&c.App, "app", "", "the `path` that it is for, such as /chat; \"\" is every path")
	valid := flags.Duration("for", time.Hour, "how long it is valid")
	file := flags.String("secret-file", "", "`file` that holds the secret, instead of "+tokenSecretVariable)
	flags.Usage = func() {
		fmt.Fprintf(errOut, "usage: unityp2p token [FLAGS]\n\n%s\n", tokenUsage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return errors.New("token takes flags only; the secret does not belong on a command line, where others on the machine see it")
	case !c.Host && !c.Join:
		return errors.New("a token that allows nothing: say -host, -join or both")
	case len(c.Rooms)+len(c.Prefixes) == 0:
		return errors.New("a token for no room: say -room NAME, or -prefix \"\" for every room")
	case *valid <= 0:
		return errors.New("-for must be longer than that")
	}
	secret, err := tokenSecret(*file, lookup)
	if err != nil {
		return err
	}
	access, err := jwt.New(secret)
	if err != nil {
		return err
	}
	c.Until = time.Now().Add(*valid)
	made, err := access.Sign(c)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, made)
	return err
}

// tokenSecret reads the secret. White space around it does not count, so that a
// file may end in a line feed.
func tokenSecret(file string, lookup func(string) (string, bool)) ([]byte, error) {
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the secret: %w", err)
		}
		return trimSecret(string(data)), nil
	}
	text, _ := lookup(tokenSecretVariable)
	if text == "" {
		return nil, fmt.Errorf("no secret: set %s, or -secret-file; openssl rand -hex 32 makes one", tokenSecretVariable)
	}
	return trimSecret(text), nil
}

func trimSecret(text string) []byte { return []byte(strings.TrimSpace(text)) }
