package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"unityp2p/core"
)

// talkUsage is what `host` and `join` accept besides their flags.
const talkUsage = `Each line goes to everyone in the room. Lines may come from a pipe; at its end
the room is left.
  /to ID text        only to the member with that number
  /unreliable text   on the unreliable channel
  /stats             who is here, by which path
  /quit              leave
`

// tokenVariable may hold the token of `host` and `join`.
const tokenVariable = "UNITYP2P_TOKEN"

// room is what Host and Client have in common here.
type room interface {
	Next(ctx context.Context) (core.Event, error)
	Send(conn core.ConnID, data []byte, reliable bool) error
	Broadcast(data []byte, reliable bool) int
	Stats(dst []core.Stats) []core.Stats
	Close()
}

// talk runs `host ROOM` and `join ROOM`.
func talk(ctx context.Context, host bool, args []string, in io.Reader, out, errOut io.Writer) error {
	name := "join"
	if host {
		name = "host"
	}
	cfg, asJSON, err := parseTalk(name, args, errOut)
	if err != nil {
		return err
	}
	var r room
	if host {
		r, err = core.NewHost(cfg)
	} else {
		r, err = core.NewClient(cfg)
	}
	if err != nil {
		return err
	}
	c := &conversation{room: r, out: out, connected: make(chan struct{})}
	if asJSON {
		c.records = newRecords(out)
	}
	return c.run(ctx, in)
}

// parseTalk reads the flags, which may stand before or after the room's name.
func parseTalk(name string, args []string, errOut io.Writer) (cfg core.Config, asJSON bool, err error) {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // a mistake gets one line, not all flags
	signaling := flags.String("signaling", "ws://127.0.0.1:12776", "`URL` of the signaling server")
	token := flags.String("token", "", "`token` for the signaling server; "+tokenVariable+" in the environment is seen by fewer")
	pin := flags.String("tls-pin", "", "SHA-256 `fingerprint` of the one certificate to trust for wss://")
	ice := flags.String("ice", "default", "STUN and TURN `servers`, separated by commas: URL[ username credential]; none: only direct addresses")
	viaHost := flags.Bool("via-host", true, "let clients that do not reach each other talk through the host")
	viaHostRate := 0
	if name == "host" {
		flags.IntVar(&viaHostRate, "via-host-rate", 0, "pass on at most so many `bytes` a second; 0: any number")
	}
	loopback := flags.Bool("loopback-only", false, "use nothing but 127.0.0.1")
	flags.BoolVar(&asJSON, "json", false, "write what happens as JSON, an object a line")
	verbose := flags.Bool("v", false, "log what the engine does, to standard error")
	var rooms []string
	for len(args) > 0 {
		switch err := flags.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			fmt.Fprintf(errOut, "usage: unityp2p %s ROOM [FLAGS]\n\n%s\n", name, talkUsage)
			flags.SetOutput(errOut)
			flags.PrintDefaults()
			return cfg, false, err
		case err != nil:
			return cfg, false, fmt.Errorf("%s: %w; %q lists the flags", name, err, "unityp2p "+name+" -h")
		}
		if args = flags.Args(); len(args) > 0 {
			rooms = append(rooms, args[0])
			args = args[1:]
		}
	}
	if len(rooms) != 1 {
		return cfg, false, fmt.Errorf("%s takes one room name, got %d: %q; %q lists the flags", name, len(rooms), rooms, "unityp2p "+name+" -h")
	}
	servers, err := iceServers(*ice)
	if err != nil {
		return cfg, false, fmt.Errorf("%s: -ice: %w", name, err)
	}
	if *token == "" {
		*token = os.Getenv(tokenVariable)
	}
	cfg = core.Config{Signaling: *signaling, Room: rooms[0], Token: *token, TLSPin: *pin, ICEServers: servers}
	cfg.ViaHostRate = viaHostRate
	if !*viaHost {
		cfg.ViaHost = core.ViaHostNever
	}
	if *loopback {
		cfg.Loopback = core.LoopbackOnly
	}
	if *verbose {
		cfg.Logger = slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return cfg, asJSON, nil
}

func iceServers(list string) ([]core.ICEServer, error) {
	if list == "default" {
		return nil, nil
	}
	servers := []core.ICEServer{}
	for _, entry := range strings.Split(list, ",") {
		switch f := strings.Fields(entry); len(f) {
		case 0:
		case 1:
			if f[0] != "none" {
				servers = append(servers, core.ICEServer{URL: f[0]})
			}
		case 3:
			servers = append(servers, core.ICEServer{URL: f[0], Username: f[1], Credential: f[2]})
		default: // the credential stays out of what is shown
			return nil, fmt.Errorf("the ICE server %q needs either no credentials, or a username and a credential", f[0])
		}
	}
	return servers, nil
}

// conversation is a room and the person at the terminal.
type conversation struct {
	room      room
	out       io.Writer
	records   *records      // with -json: instead of text
	connected chan struct{} // closed when the first member is here
	once      bool
}

// run prints events while lines are read, until one of both ends.
func (c *conversation) run(ctx context.Context, in io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	events := make(chan error, 1)
	go func() { events <- c.events(ctx) }()
	// A read from a terminal cannot be interrupted: this goroutine ends with
	// the process.
	lines := make(chan error, 1)
	go func() { lines <- c.lines(ctx, in) }()
	var err error
	ended := false
	select {
	case err = <-lines:
	case err = <-events:
		ended = true
	case <-ctx.Done():
	}
	c.room.Close() // what was typed last is sent
	cancel()
	if !ended {
		<-events
	}
	if errors.Is(err, errQuit) || errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (c *conversation) events(ctx context.Context) error {
	for {
		e, err := c.room.Next(ctx)
		if err != nil {
			return err
		}
		if err := c.print(e); err != nil {
			return err
		}
	}
}

func (c *conversation) print(e core.Event) error {
	var err error
	if c.records != nil {
		err = c.records.event(e, c.room.Stats(nil))
	} else {
		err = c.tell(e)
	}
	switch {
	case err != nil:
		return err
	case e.Type == core.RoomTrouble && e.Final:
		return errors.New(e.Text)
	case e.Type == core.Connected && !c.once:
		c.once = true
		close(c.connected)
	}
	return nil
}

// tell writes an event for a person.
func (c *conversation) tell(e core.Event) error {
	id := uint32(e.Conn) & 0xffff
	var err error
	switch e.Type {
	case core.RoomOpen:
		_, err = fmt.Fprintln(c.out, "* the room is open")
	case core.RoomTrouble:
		_, err = fmt.Fprintf(c.out, "* %s\n", e.Text)
	case core.Connected:
		what := "member"
		if e.Host {
			what = "host"
		}
		_, err = fmt.Fprintf(c.out, "* %d joined (%s %s)\n", id, what, e.Member)
	case core.Disconnected:
		_, err = fmt.Fprintf(c.out, "* %d is gone (%s)\n", id, e.Code)
	case core.Unreachable:
		_, err = fmt.Fprintf(c.out, "* %d does not answer\n", id)
	case core.Reachable:
		_, err = fmt.Fprintf(c.out, "* %d is back\n", id)
	case core.PathChanged:
		_, err = fmt.Fprintf(c.out, "* %d is reached another way\n", id)
	case core.Message:
		_, err = fmt.Fprintf(c.out, "<%d> %s\n", id, printable(e.Data))
	}
	return err
}

// printable keeps what others send from controlling the terminal.
func printable(data []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return '.'
		}
		return r
	}, strings.ToValidUTF8(string(data), "?"))
}

var errQuit = errors.New("quit")

// lines sends what is typed, once there is somebody to hear it.
func (c *conversation) lines(ctx context.Context, in io.Reader) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		line := scanner.Text()
		if line == "/quit" {
			return errQuit
		}
		select {
		case <-c.connected:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := c.line(ctx, line); err != nil {
			return err
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("reading lines: %w", err)
	}
	if err := c.complain("the input has ended: leaving"); err != nil {
		return err
	}
	return io.EOF
}

func (c *conversation) line(ctx context.Context, line string) error {
	command, rest, _ := strings.Cut(line, " ")
	switch command {
	case "/to":
		id, text, _ := strings.Cut(rest, " ")
		return c.to(ctx, id, text)
	case "/unreliable":
		return c.everyone(rest, false)
	case "/stats":
		return c.stats()
	case "/help":
		_, err := fmt.Fprint(c.out, talkUsage)
		return err
	}
	return c.everyone(line, true)
}

func (c *conversation) everyone(text string, reliable bool) error {
	if c.room.Broadcast([]byte(text), reliable) == 0 {
		return c.complain("nobody got it: nobody is here, or nobody keeps up")
	}
	return nil
}

func (c *conversation) to(ctx context.Context, id, text string) error {
	number, err := strconv.ParseUint(id, 10, 16)
	if err == nil {
		for _, s := range c.room.Stats(nil) {
			if uint64(s.Conn)&0xffff == number {
				return c.patient(ctx, s.Conn, text)
			}
		}
	}
	return c.complain("there is no %q here", id)
}

// complain says why a line was not sent.
func (c *conversation) complain(format string, args ...any) error {
	if c.records != nil {
		return c.records.write(record{Event: "complaint", Text: fmt.Sprintf(format, args...)})
	}
	_, err := fmt.Fprintf(c.out, "* "+format+"\n", args...)
	return err
}

// patient sends, and waits while the other side is slower than the pipe.
func (c *conversation) patient(ctx context.Context, conn core.ConnID, text string) error {
	for {
		err := c.room.Send(conn, []byte(text), true)
		if !errors.Is(err, core.ErrWouldBlock) {
			if err != nil {
				err = c.complain("not sent: %v", err)
			}
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *conversation) stats() error {
	if c.records != nil {
		return c.records.stats(c.room.Stats(nil))
	}
	for _, s := range c.room.Stats(nil) {
		_, err := fmt.Fprintf(c.out, "* %d %s: %s %s - %s, rtt %v, connected in %v, sent %d B in %d, received %d B in %d, unsent %d B, dropped %d\n",
			uint32(s.Conn)&0xffff, s.Member, s.Path, s.LocalCandidate, s.RemoteCandidate, s.RTT.Round(time.Microsecond),
			s.Connecting.Round(time.Millisecond), s.BytesSent, s.MessagesSent, s.BytesReceived, s.MessagesReceived, s.Unsent, s.Dropped)
		if err != nil {
			return err
		}
	}
	return nil
}
