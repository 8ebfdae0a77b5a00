package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"unityp2p/internal/doctor"
)

// idleTime is longer than the 55 s after which Heroku cuts what is silent, and
// the 60 s that are the default of nginx and others.
const idleTime = 70 * time.Second

// errUnwell is what doctor returns if a step failed.
var errUnwell = errors.New("something is wrong with this deployment")

// examine runs `doctor URL`.
func examine(ctx context.Context, args []string, out, errOut io.Writer) error {
	o, asJSON, err := parseDoctor(args, errOut)
	if err != nil {
		return err
	}
	if o.Idle > 0 {
		fmt.Fprintf(errOut, "The step idle takes %v.\n", o.Idle)
	}
	var steps []doctor.Step
	show := func(s doctor.Step) {
		if steps = append(steps, s); !asJSON {
			showStep(out, s)
		}
	}
	well := doctor.Run(ctx, o, show)
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(map[string]any{"ok": well, "steps": steps}); err != nil {
			return fmt.Errorf("writing what was found: %w", err)
		}
	}
	if !well {
		return errUnwell
	}
	return nil
}

// parseDoctor reads the flags, which may stand before or after the URL.
func parseDoctor(args []string, errOut io.Writer) (o doctor.Options, asJSON bool, err error) {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.StringVar(&o.Token, "token", "", "`token` for the signaling server; "+tokenVariable+" in the environment is seen by fewer")
	flags.StringVar(&o.Room, "room", "", "`room` to host and join, if the token is not for every room")
	flags.StringVar(&o.TLSPin, "tls-pin", "", "SHA-256 `fingerprint` of the one certificate to trust for wss://")
	roots := flags.String("roots", "", "a `file` of certificates (PEM) to trust in place of the system's")
	ice := flags.String("ice", "", "STUN and TURN `servers` to check as well, separated by commas: URL[ username credential]")
	flags.DurationVar(&o.Patience, "timeout", 0, "how long to wait for each answer (default 10s)")
	idle := flags.Bool("idle", false, fmt.Sprintf("see whether a silent socket lives for %v", idleTime))
	flags.BoolVar(&asJSON, "json", false, "print what was found as JSON")
	flags.Usage = func() {
		fmt.Fprint(errOut, "usage: unityp2p doctor URL [FLAGS]\n\nURL is what stands in the game: wss://example.org\n\n")
		flags.PrintDefaults()
	}
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return o, false, err
		}
		if args = flags.Args(); len(args) == 0 {
			break
		}
		if o.URL != "" {
			return o, false, fmt.Errorf("doctor takes one URL, and %q is another", args[0])
		}
		o.URL, args = args[0], args[1:]
	}
	if o.URL == "" {
		flags.Usage()
		return o, false, errors.New("doctor takes the URL that stands in the game")
	}
	if o.Token == "" {
		o.Token = os.Getenv(tokenVariable)
	}
	if *ice != "" {
		if o.ICE, err = iceServers(*ice); err != nil {
			return o, false, fmt.Errorf("doctor: -ice: %w", err)
		}
	}
	if *idle {
		o.Idle = idleTime
	}
	if o.Patience < 0 {
		return o, false, errors.New("the timeout is negative")
	}
	o.TLS, err = trusting(*roots)
	return o, asJSON, err
}

// trusting returns how TLS is checked; nil: as the system does.
func trusting(file string) (*tls.Config, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // the system's is fine
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the roots: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}, nil
}

// showStep writes a line or two.
func showStep(out io.Writer, s doctor.Step) {
	mark := map[doctor.Outcome]string{doctor.Passed: "✓", doctor.Failed: "✗", doctor.Skipped: "-"}[s.Outcome]
	fmt.Fprintf(out, "%s %-8s %s\n", mark, s.Name, s.Detail)
	if s.Advice != "" {
		fmt.Fprintf(out, "  %-8s %s\n", "", s.Advice)
	}
}
