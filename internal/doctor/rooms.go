package doctor

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"unityp2p/core/wire"
)

const (
	ownID    = 1   // of the guest's link
	message  = 600 // bytes of a small negotiation message
	large    = 64 << 10
	trips    = 10
	idleStep = "The server's pings should keep it open. A proxy whose idle limit is shorter than they are apart has to be told otherwise; in nginx: proxy_read_timeout 90s;"
)

// checkListen claims a room.
func (v *visit) checkListen(ctx context.Context) (string, error) {
	v.room = v.newRoom()
	f := wire.Frame{Type: wire.ServerInitialized, DataType: wire.Text, ID: -1, Data: []byte(wire.AddressOf(v.room))}
	if err := v.host.send(v.Patience, f); err != nil {
		return "", err
	}
	text := ""
	f, err := v.host.await(ctx, v.Patience, func(f wire.Frame) bool {
		text = cmp.Or(refusal(f), text)
		return f.Type == wire.ServerInitialized || f.Type == wire.ServerInitFailed
	})
	switch {
	case err != nil:
		return "", v.unanswered(err, "a room was asked for")
	case f.Type == wire.ServerInitFailed && text != "":
		return "", failed("The token has to allow it: -room names a room that it is for.", "the server refuses the room: %s", text)
	case f.Type == wire.ServerInitFailed:
		return "", failed("-room names another one.", "the room is taken")
	}
	return "a room is open", nil
}

// newRoom returns the name of a room for us: the one that the token is for, else
// one that nobody knows.
func (v *visit) newRoom() string {
	if v.Room != "" {
		return v.Room
	}
	return "unityp2p-doctor-" + rand.Text()
}

// refusal returns what the server says of the refusal that follows.
func refusal(f wire.Frame) string {
	if f.Type != wire.ExtensionFrame {
		return ""
	}
	e, err := wire.ParseExtension(f.Data)
	if err != nil || e.Kind != wire.ExtRefusal {
		return ""
	}
	return e.Text
}

func (v *visit) unanswered(err error, when string) error {
	if errors.Is(err, errSilent) {
		return failed("The server, or a proxy that holds messages back, stopped answering.", "no answer within %v when %s", v.Patience, when)
	}
	return err
}

// checkConnect joins the room from another socket.
func (v *visit) checkConnect(ctx context.Context) (string, error) {
	s, response, err := v.open(ctx)
	if err != nil {
		return "", v.noUpgrade(ctx, response, err)
	}
	v.guest = s
	if _, err := v.greet(ctx, s); err != nil {
		return "", err
	}
	f := wire.Frame{Type: wire.NewConnection, DataType: wire.Text, ID: ownID, Data: []byte(wire.AddressOf(v.room))}
	if err := s.send(v.Patience, f); err != nil {
		return "", err
	}
	text := ""
	f, err = s.await(ctx, v.Patience, func(f wire.Frame) bool {
		text = cmp.Or(refusal(f), text)
		return f.ID == ownID && (f.Type == wire.NewConnection || f.Type == wire.ConnectionFailed)
	})
	switch {
	case err != nil:
		return "", v.unanswered(err, "the room was joined")
	case f.Type == wire.ConnectionFailed && text != "":
		return "", failed("The token has to allow it: -room names a room that it is for.", "the server refuses the link: %s", text)
	case f.Type == wire.ConnectionFailed:
		return "", failed("Behind this URL there may be several servers. Rooms live in one of them: run one.",
			"the server does not know the room that it has just opened")
	}
	f, err = v.host.await(ctx, v.Patience, func(f wire.Frame) bool { return f.Type == wire.NewConnection })
	if err != nil {
		return "", v.unanswered(err, "a guest came")
	}
	v.hostID = f.ID
	return "a second socket has joined it", nil
}

// checkRelay sends messages through the server, there and back.
func (v *visit) checkRelay(ctx context.Context) (string, error) {
	var took []time.Duration
	for range trips {
		d, err := v.trip(ctx, message)
		if err != nil {
			return "", err
		}
		took = append(took, d)
	}
	if _, err := v.trip(ctx, large); err != nil {
		return "", err
	}
	slices.Sort(took)
	return fmt.Sprintf("there and back in %s (at most %s)", milliseconds(took[trips/2]), milliseconds(took[trips-1])), nil
}

// trip sends bytes from the guest to the host and back.
func (v *visit) trip(ctx context.Context, size int) (time.Duration, error) {
	data := make([]byte, size)
	_, _ = rand.Read(data) // never fails
	began := time.Now()
	for _, way := range []struct {
		from, to     *socket
		fromID, toID int16
	}{{v.guest, v.host, ownID, v.hostID}, {v.host, v.guest, v.hostID, ownID}} {
		f := wire.Frame{Type: wire.ReliableMessage, DataType: wire.Bytes, ID: way.fromID, Data: data}
		if err := way.from.send(v.Patience, f); err != nil {
			return 0, err
		}
		f, err := way.to.await(ctx, v.Patience, func(f wire.Frame) bool { return f.Type == wire.ReliableMessage && f.ID == way.toID })
		if err != nil {
			return 0, v.unanswered(err, fmt.Sprintf("%d bytes were relayed", size))
		}
		if !bytes.Equal(f.Data, data) {
			return 0, failed("Something on the way changes what passes it.", "%d bytes arrived as others", size)
		}
	}
	return time.Since(began), nil
}

// checkIdle says nothing for a while, as a host does that waits for players, and
// sees whether the sockets live on.
func (v *visit) checkIdle(ctx context.Context) (string, error) {
	if v.Idle == 0 {
		return "", skipped("", "not asked for (-idle)")
	}
	began, before := time.Now(), v.host.pings.Load()
	timer := time.NewTimer(v.Idle)
	defer timer.Stop()
	pings := func() int32 { return v.host.pings.Load() - before }
	select {
	case <-timer.C:
	case <-ctx.Done():
		return "", ctx.Err()
	case <-v.host.ended:
		return "", v.cut(v.host, began, pings())
	case <-v.guest.ended:
		return "", v.cut(v.guest, began, pings())
	}
	if _, err := v.trip(ctx, message); err != nil {
		return "", failed(idleStep, "after %v of silence nothing passes any more: %v", v.Idle, err)
	}
	return fmt.Sprintf("open after %v of silence, %d pings", v.Idle, pings()), nil
}

func (v *visit) cut(s *socket, began time.Time, pings int32) error {
	return failed(idleStep, "cut after %v of silence, %d pings: %v", time.Since(began).Round(time.Second), pings, s.lost(s.err))
}
