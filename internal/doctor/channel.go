package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unityp2p/core"
)

// member is a Host or a Client.
type member interface {
	Next(ctx context.Context) (core.Event, error)
	Send(conn core.ConnID, data []byte, reliable bool) error
	Close()
}

// channelFactor is how much longer than one answer a whole connection may take.
const channelFactor = 3

// checkChannel lets two members meet through the server and talk, as players do.
func (v *visit) checkChannel(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, channelFactor*v.Patience)
	defer cancel()
	v.leave()
	// A new room: if the sockets were cut, the server keeps the other for them.
	config := core.Config{Signaling: v.URL, Token: v.Token, Room: v.newRoom(), TLS: v.TLS, TLSPin: v.TLSPin}
	if len(v.ICE) > 0 {
		config.ICEServers = v.ICE
	}
	began := time.Now()
	host, err := core.NewHost(config)
	if err != nil {
		return "", failed("", "a host cannot start: %v", err)
	}
	defer host.Close()
	client, err := core.NewClient(config)
	if err != nil {
		return "", failed("", "a client cannot start: %v", err)
	}
	defer client.Close()
	for _, m := range []struct {
		who string
		member
	}{{"host", host}, {"client", client}} {
		if err := greetOver(ctx, m.member); err != nil {
			return "", noChannel(m.who, err)
		}
	}
	opened := time.Since(began)
	for _, m := range []member{host, client} {
		if err := hear(ctx, m); err != nil {
			return "", noChannel("other member", err)
		}
	}
	return fmt.Sprintf("two players met in %s and talked directly", milliseconds(opened)), nil
}

const hello = "hello from the doctor"

// greetOver waits for the other member and says hello to it.
func greetOver(ctx context.Context, m member) error {
	var trouble string
	for {
		e, err := m.Next(ctx)
		if err != nil {
			if trouble != "" {
				return errors.New(trouble)
			}
			return err
		}
		switch {
		case e.Type == core.RoomTrouble && e.Final:
			return errors.New(e.Text)
		case e.Type == core.RoomTrouble && e.Code != core.NoHost: // the host may be the slower one
			trouble = e.Text
		case e.Type == core.Connected:
			return m.Send(e.Conn, []byte(hello), true)
		}
	}
}

// hear waits for the hello.
func hear(ctx context.Context, m member) error {
	for {
		e, err := m.Next(ctx)
		if err != nil {
			return err
		}
		if e.Type == core.Message && string(e.Data) == hello {
			return nil
		}
	}
}

func noChannel(who string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return failed("Both members are on this machine: most likely its own firewall keeps UDP from them.",
			"the %s heard nothing of the other in time", who)
	}
	return failed("", "the %s could not connect: %v", who, err)
}
