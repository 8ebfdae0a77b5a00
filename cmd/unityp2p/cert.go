package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"unityp2p/cmd/unityp2p/certs"
)

const certUsage = `usage: unityp2p cert [FLAGS] HOST…

Makes a certificate for testing, for these names and IP addresses. Nobody trusts
it who is not told to: a client pins the fingerprint that is printed.

`

// makeCert writes a certificate for testing, and its key.
func makeCert(in input, out io.Writer) error {
	flags := flag.NewFlagSet("cert", flag.ContinueOnError)
	flags.SetOutput(in.help)
	flags.Usage = func() {
		fmt.Fprint(in.help, certUsage)
		flags.PrintDefaults()
	}
	dir := flags.String("out", ".", "the `directory` for ssl.crt and ssl.key")
	days := flags.Int("days", 365, "how many days it is good for")
	if err := flags.Parse(in.args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("cert wants the names or addresses that the server has: unityp2p cert localhost 127.0.0.1")
	}
	if *days < 1 || *days > 10000 {
		return fmt.Errorf("-days is %d: 1 to 10000 are wanted", *days)
	}
	pair, err := certs.NewPair(flags.Args(), time.Duration(*days)*24*time.Hour)
	if err != nil {
		return err
	}
	cert, key := filepath.Join(*dir, "ssl.crt"), filepath.Join(*dir, "ssl.key")
	if err := writeNew(key, pair.Key, 0o600); err != nil {
		return err
	}
	if err := writeNew(cert, pair.Certificate, 0o644); err != nil {
		return errors.Join(err, os.Remove(key))
	}
	_, err = fmt.Fprintf(out, "%s and %s: for %s, good for %d days\nfingerprint (SHA-256): %s\n",
		cert, key, strings.Join(flags.Args(), ", "), *days, pair.Fingerprint)
	return err
}

// writeNew writes a file that is not there yet: a key that is in use is not lost.
func writeNew(path string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}
