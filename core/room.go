package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"unityp2p/core/link"
	"unityp2p/core/sigclient"
	"unityp2p/core/wire"
)

// MessageCost is what every message counts, besides its bytes, against the
// send buffer and the receive buffer.
const MessageCost = wire.MessageCost

// Room is what Host and Client have in common: members and messages. It is not
// used by itself.
//
// One goroutine, the loop, owns everything that changes when members come and
// go. Messages do not pass through it.
type Room struct {
	cfg    Config
	log    *slog.Logger
	engine *link.Engine
	sink   Sink
	queue  *queue // the sink, unless the Config has one
	role   role

	ctx     context.Context
	cancel  context.CancelFunc
	actions chan func()
	stopped chan struct{}  // the loop has ended
	running sync.WaitGroup // links, timers, signaling connections
	closing sync.Once

	conns atomic.Pointer[map[ConnID]*peer] // copied on every change

	// The loop's.
	ids        connIDs
	members    map[MemberID]*peer
	peers      map[*peer]struct{} // all, connected or on the way
	timers     map[*time.Timer]struct{}
	admitted   int // let in, not yet connected
	signaling  *sigclient.Client
	generation int   // of the signaling connection; older ones are not listened to
	tally      tally // of that connection
	trouble    Code
	suspended  bool
	leaving    bool
	doubting   bool // the signaling server will be doubted soon
}

// role is what differs between a host and a client. All methods run in the loop.
type role interface {
	start()
	resume()
	signalingUp()
	signalingDown()
	frame(f wire.Frame)
	extension(e wire.Extension)
	admit(p *peer) (in bool, why link.Reason)
	opened(p *peer) // nobody else knows yet that it is connected
	connected(p *peer)
	disconnected(p *peer, why link.Reason)
	failed(p *peer, why link.Reason)
	control(p *peer, c wire.Control)
	restarting(p *peer, on bool)
	quiet() bool                          // what ails the signaling server is nothing to report now
	overSignaling(p *peer, sealed []byte) // brings a restart message to the member, where that is a way
}

// actionQueue bounds what waits for the loop. Whoever finds it full waits.
const actionQueue = 64

func (r *Room) init(cfg Config, rl role, host bool) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return fmt.Errorf("core: %w", err)
	}
	r.engine, err = link.NewEngine(linkOptions(&cfg, host))
	if err != nil {
		return fmt.Errorf("core: %w", err)
	}
	r.cfg, r.role = cfg, rl
	r.log = cfg.Logger.With("room", cfg.Room)
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.actions = make(chan func(), actionQueue)
	r.stopped = make(chan struct{})
	r.members = make(map[MemberID]*peer)
	r.peers = make(map[*peer]struct{})
	r.timers = make(map[*time.Timer]struct{})
	r.conns.Store(&map[ConnID]*peer{})
	r.sink = cfg.Sink
	if r.sink == nil {
		r.queue = newQueue(cfg.UnreliableBuffer, r.Release)
		r.sink = r.queue
	}
	go r.loop()
	r.post(rl.start)
	return nil
}

func linkOptions(c *Config, host bool) link.Options {
	include := c.Loopback == LoopbackInclude || (c.Loopback == LoopbackAuto && namesThisMachine(c.Signaling))
	return link.Options{
		Net: c.net, ICEServers: pionServers(c.ICEServers), IncludeLoopback: include, OnlyLoopback: c.Loopback == LoopbackOnly,
		UDP4: c.Networks&UDP4 != 0, UDP6: c.Networks&UDP6 != 0, PortMin: c.PortMin, PortMax: c.PortMax,
		Host: host, Relay: c.ViaHost == ViaHostAllowed, MaxMessage: c.MaxMessage, MaxUnreliable: min(c.MaxMessage, MaxUnreliableSize),
		SendBuffer: c.SendBuffer, ReceiveBuffer: c.ReceiveBuffer,
		UnreliableMaxAge: c.UnreliableMaxAge,
		UnreachableAfter: c.UnreachableAfter, DisconnectAfter: c.DisconnectAfter, ConnectTimeout: c.ConnectTimeout,
		Logger: c.Logger,
	}
}

func pionServers(list []ICEServer) []webrtc.ICEServer {
	servers := make([]webrtc.ICEServer, 0, len(list))
	for _, s := range list {
		servers = append(servers, webrtc.ICEServer{
			URLs: []string{s.URL}, Username: s.Username, Credential: s.Credential,
		})
	}
	return servers
}

// namesThisMachine reports whether the URL's host is a loopback address.
func namesThisMachine(signaling string) bool {
	u, err := url.Parse(signaling)
	if err != nil {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}

func (r *Room) loop() {
	defer r.stopTimers()
	defer close(r.stopped)
	for {
		select {
		case f := <-r.actions:
			f()
		case <-r.ctx.Done():
			return
		}
	}
}

// post lets the loop run f. Not from the loop itself.
func (r *Room) post(f func()) {
	select {
	case r.actions <- f:
	case <-r.stopped:
	}
}

// do is post, and waits until f has run.
func (r *Room) do(f func()) {
	done := make(chan struct{})
	r.post(func() { defer close(done); f() })
	select {
	case <-done:
	case <-r.stopped:
	}
}

// after lets the loop run f later, unless the room is closed by then. In the loop.
func (r *Room) after(d time.Duration, f func()) {
	if r.leaving {
		return
	}
	var timer *time.Timer
	r.running.Add(1)
	timer = time.AfterFunc(d, func() {
		defer r.running.Done()
		r.post(func() {
			delete(r.timers, timer)
			if !r.leaving {
				f()
			}
		})
	})
	r.timers[timer] = struct{}{}
}

// stopTimers ends those that have not run out.
func (r *Room) stopTimers() {
	for timer := range r.timers {
		if timer.Stop() {
			r.running.Done()
		}
	}
}

// Member returns our own room-wide id.
func (r *Room) Member() MemberID { return MemberID(r.engine.Member()) }

// Next waits for the next event. After Close it returns what is left, then
// ErrClosed. It must not be used with Config.Sink.
func (r *Room) Next(ctx context.Context) (Event, error) {
	if r.queue == nil {
		return Event{}, errors.New("core: the events of this room go to its Sink")
	}
	return r.queue.next(ctx)
}

// Send queues a message for one member; a copy of it. Reliable messages arrive
// once, whole and in order, unless the connection ends; unreliable ones arrive
// whole, perhaps not at all or not in order.
//
// It returns at once, with ErrNotConnected, ErrTooLarge or ErrWouldBlock (send
// buffer full, nothing was queued) where that is so.
func (r *Room) Send(conn ConnID, data []byte, reliable bool) error {
	return r.send(conn, data, reliable, false)
}

// SendTo is Send for several members, with one copy for all. It returns those
// that did not take the message.
func (r *Room) SendTo(conns []ConnID, data []byte, reliable bool) (refused []ConnID) {
	shared := append([]byte(nil), data...)
	for _, conn := range conns {
		if r.send(conn, shared, reliable, true) != nil {
			refused = append(refused, conn)
		}
	}
	return refused
}

// Broadcast is SendTo for every member. It returns how many took the message.
func (r *Room) Broadcast(data []byte, reliable bool) int {
	members := *r.conns.Load()
	conns := make([]ConnID, 0, len(members))
	for conn := range members {
		conns = append(conns, conn)
	}
	return len(conns) - len(r.SendTo(conns, data, reliable))
}

func (r *Room) send(conn ConnID, data []byte, reliable, keep bool) error {
	p := (*r.conns.Load())[conn]
	if p == nil {
		return ErrNotConnected
	}
	err := p.link.Send(data, reliable, keep)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, link.ErrTooLarge):
		return ErrTooLarge
	case errors.Is(err, link.ErrWouldBlock):
		return ErrWouldBlock
	}
	return ErrNotConnected
}

// Release gives back room in the receive buffer: the game has taken reliable
// messages whose bytes and MessageCost add up to cost. Only for users of
// Config.Sink.
func (r *Room) Release(conn ConnID, cost int) {
	if p := (*r.conns.Load())[conn]; p != nil && cost > 0 {
		p.link.Release(cost)
	}
}

// Disconnect ends the connection to a member, after what was accepted for it
// is sent. A host removes it from the room: all others drop it too, and it
// cannot come back but by joining anew, as another member. A client that
// disconnects its host does not look for another one.
func (r *Room) Disconnect(conn ConnID) error {
	p := (*r.conns.Load())[conn]
	if p == nil {
		return ErrNotConnected
	}
	p.removed.Store(true)
	p.link.Close(link.Removed)
	return nil
}

// Stats appends a description of every connection.
func (r *Room) Stats(dst []Stats) []Stats {
	for _, p := range *r.conns.Load() {
		dst = append(dst, p.stats())
	}
	return dst
}

// Suspend lets go of the signaling server and judges no silence until Resume:
// for phones, when the app goes to the background.
func (r *Room) Suspend() {
	r.do(func() {
		if r.suspended || r.leaving {
			return
		}
		r.suspended = true
		r.closeSignaling()
		r.role.signalingDown()
		for p := range r.peers {
			p.link.SetPatient(true)
		}
	})
}

// Resume undoes Suspend.
func (r *Room) Resume() {
	r.do(func() {
		if !r.suspended || r.leaving {
			return
		}
		r.suspended = false
		for p := range r.peers {
			p.link.SetPatient(false)
		}
		r.role.resume()
	})
}

// closeTime bounds Close: links send what they hold and say goodbye meanwhile.
const closeTime = 2 * time.Second

// Close ends the room: what was accepted is sent, goodbyes are said, everything
// is closed. It returns when nothing is left running, within a second or two.
// No event comes after it, other than what Next still holds.
func (r *Room) Close() {
	r.closing.Do(func() {
		ended := make(chan struct{})
		r.do(func() {
			r.leaving = true
			r.closeSignaling()
			for p := range r.peers {
				p.link.Close(link.Left)
			}
			links := make([]*link.Link, 0, len(r.peers))
			for p := range r.peers {
				links = append(links, p.link)
			}
			r.running.Go(func() {
				defer close(ended)
				for _, l := range links {
					<-l.Done()
				}
			})
		})
		select {
		case <-ended:
		case <-time.After(closeTime):
		}
		r.cancel()
		<-r.stopped
		r.running.Wait()
		if r.queue != nil {
			r.queue.close()
		}
	})
}

// report delivers one event of the room.
func (r *Room) report(e Event) {
	if !r.leaving {
		r.sink.Deliver([]Event{e})
	}
}

// troubled reports trouble once, until another one or a success comes.
func (r *Room) troubled(code Code, final bool, format string, args ...any) {
	if r.trouble == code && !final {
		return
	}
	r.trouble = code
	text := fmt.Sprintf(format, args...)
	if len(text) > maxTroubleText {
		text = text[:maxTroubleText]
	}
	r.log.Info("trouble", "code", int(code), "text", text)
	r.report(Event{Type: RoomTrouble, Code: code, Text: text, Final: final})
}
