package link

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"unityp2p/core/wire"
)

// Reason says why a link ended.
type Reason int

// The reasons for a link's end.
const (
	Failed      Reason = iota // no connection came about
	Left                      // the other side said goodbye
	Removed                   // the other side removed us
	Full                      // the other side takes no more members
	Local                     // Close was called
	TimedOut                  // silence
	Closed                    // closed without a goodbye
	Protocol                  // the other side broke the protocol
	OtherMember               // the other side is not the member that was expected
	Replaced                  // the other side has a newer link to the same member
)

// Message is one message received.
type Message struct {
	Data     []byte
	Reliable bool
}

// Handler is what a link tells its owner. For one link the calls are: Signal
// any time; then Up once; between Up and Down the others; Down last, once, also
// for a link that never came up. None may block for long; Messages, Sent and
// Control come from the link's own goroutines, several at once.
type Handler interface {
	// Signal wants a message brought to the other side.
	Signal(l *Link, n wire.Negotiation)
	// Admit decides whether a member whose identity is proven may come in. If
	// not, it is told why (Full or Removed) and the link fails. Called before Up.
	Admit(l *Link) (in bool, why Reason)
	// Up: the link is open. No message is delivered before it returns.
	Up(l *Link)
	// Messages takes what was received, in order for each channel. The slice and
	// the data are valid only during the call.
	Messages(l *Link, messages []Message)
	// Control takes a room message (member, gone, signal, and a hello by which another
	// client begins a connection through the host; its Body only during the call).
	Control(l *Link, c wire.Control)
	// Sent returns send buffer: so much of the cost of accepted messages.
	Sent(l *Link, reliable bool, cost int)
	// Reach: nothing heard for a while (false), or heard again (true).
	Reach(l *Link, reachable bool)
	// Moved: the path goes between other addresses than before.
	Moved(l *Link)
	// Restarting: the path is to be made anew (true), or there is a good one, by which
	// what is said to the other side arrives (false).
	Restarting(l *Link, on bool)
	// Restart wants a restart message brought to the other side, for its Restart, by
	// whatever ways there are but this link.
	Restart(l *Link, sealed []byte)
	// Down: the link has ended and holds nothing any more.
	Down(l *Link, reason Reason)
}

// Errors of Send.
var (
	ErrClosed     = errors.New("link: closed")
	ErrTooLarge   = errors.New("link: message too large for the other side")
	ErrWouldBlock = errors.New("link: send buffer full")
)

// The data channels.
const (
	reliable = iota
	unreliable
	control
	channelCount
)

var labels = [channelCount]string{"reliable", "unreliable", "p2p.control"}

// Link is one connection to one other member.
type Link struct {
	engine        *Engine
	handler       Handler
	offerer       bool
	expect        uint64                 // the member that must be at the other end, 0: anybody
	pc            *webrtc.PeerConnection // nil if the link runs over the one to the host
	via           *via                   // then this
	giveUpServers context.CancelFunc     // ends the search for those that have not answered
	started       time.Time

	signals chan *wire.Negotiation // from the other side
	opened  chan *channel          // channels as they open
	failed  chan struct{}          // pion says that the connection failed or closed
	fail    sync.Once

	round    atomic.Pointer[round] // the search for a path, now
	lastPath string                // pion's callback's
	open     atomic.Bool           // Up has returned

	dataChannels atomic.Int32  // that the other side opened
	violated     atomic.Bool   // Violate was called
	met          chan struct{} // closed when pion is connected: the other side may say something
	meet         sync.Once

	// Set by the supervisor before Up, constant afterwards.
	own           bool
	host          bool
	member        uint64
	connecting    time.Duration
	channels      [channelCount]*channel
	maxReliable   int
	maxUnreliable int
	copies        bool      // of reliable packets may be sent on the unreliable channel
	capabilities  uint64    // that the other side says it has
	carriage      *carriage // what this link carries for others; nil: nothing
	port          *port     // host: that passes it on

	ownAddresses, theirAddresses addresses
	theirRelays, heardFrom       addresses // with ports: theirs at relays, and of theirs as seen here

	hurry    hurry
	out      outbox
	in       inbox
	incoming reliableReader
	copier   copier
	owed     atomic.Bool // the other side is to be told what came
	restart  restarter
	heard    atomic.Int64  // when the last packet came, nanoseconds since started
	renewed  atomic.Int64  // when there was a new path, likewise
	rtt      atomic.Int64  // smoothed, nanoseconds
	trips    trips         // the last round trips
	pinged   time.Duration // when the last ping left; the writer's
	silent   bool          // the writer's
	saidBye  bool          // the writer's, and after it the supervisor's
	patient  atomic.Bool   // silence is not judged (suspended)

	end    chan Reason // what ended the link; the first one counts
	closer chan Reason // Close was called: what to tell the other side
	done   chan struct{}
}

// signalQueue bounds what the other side may send before it is looked at; an
// offer and its candidates are a few dozen. Beyond it the link fails.
const signalQueue = 256

// Offer begins a link by making the offer. If expect is not 0, the other side
// must turn out to be that member.
func (e *Engine) Offer(ctx context.Context, h Handler, expect uint64) (*Link, error) {
	return e.begin(ctx, h, expect, true)
}

// Answer begins a link that waits for an offer, to be given to Remote.
func (e *Engine) Answer(ctx context.Context, h Handler, expect uint64) (*Link, error) {
	return e.begin(ctx, h, expect, false)
}

func (e *Engine) begin(ctx context.Context, h Handler, expect uint64, offerer bool) (*Link, error) {
	l, err := e.newLink(h, expect, offerer)
	if err != nil {
		return nil, err
	}
	go l.supervise(ctx)
	return l, nil
}

// newLink makes a link that nobody supervises yet.
func (e *Engine) newLink(h Handler, expect uint64, offerer bool) (*Link, error) {
	l := e.blank(h, expect, offerer)
	var searching context.Context
	searching, l.giveUpServers = context.WithCancel(context.Background())
	pc, err := l.newPeerConnection(searching)
	if err != nil {
		l.giveUpServers()
		return nil, fmt.Errorf("creating a peer connection: %w", err)
	}
	l.pc = pc
	l.watch()
	return l, nil
}

// blank makes a link that has nothing to run over yet.
func (e *Engine) blank(h Handler, expect uint64, offerer bool) *Link {
	l := &Link{
		engine: e, handler: h, offerer: offerer, expect: expect, started: time.Now(),
		signals: make(chan *wire.Negotiation, signalQueue),
		opened:  make(chan *channel, channelCount),
		failed:  make(chan struct{}),
		met:     make(chan struct{}),
		end:     make(chan Reason, 1),
		closer:  make(chan Reason, 1),
		done:    make(chan struct{}),
	}
	l.round.Store(newRound())
	l.restart.init(l)
	l.out.init(e.options.SendBuffer)
	l.in.init(e.options.ReceiveBuffer)
	l.incoming.link = l
	return l
}

// Remote takes a message of the other side. Never blocks.
func (l *Link) Remote(n wire.Negotiation) {
	select {
	case l.signals <- &n:
	default:
		l.stop(Protocol)
	}
}

// Close ends the link: what was accepted is sent, the other side hears why
// (Left, Removed or Full), then Down follows. Returns at once.
func (l *Link) Close(why Reason) {
	select {
	case l.closer <- why:
	default:
	}
}

// Done is closed after Down returned.
func (l *Link) Done() <-chan struct{} { return l.done }

// Own says whether the other side speaks our protocol. Valid from Up on, as are
// the following.
func (l *Link) Own() bool { return l.own }

// Member returns the other side's room-wide id, proven by its certificate unless the
// link runs over the host: then it is what the host says.
func (l *Link) Member() uint64 { return l.member }

// MaxMessage returns the largest messages that the other side takes.
func (l *Link) MaxMessage() (reliable, unreliable int) { return l.maxReliable, l.maxUnreliable }

// Host says whether the other side says that it hosts the room.
func (l *Link) Host() bool { return l.host }

// Relays says whether the other side says that it takes part in connections that
// go through the host.
func (l *Link) Relays() bool { return l.own && l.capabilities&wire.CapabilityRelay != 0 }

// ViaHost says whether this link is such a connection.
func (l *Link) ViaHost() bool { return l.via != nil }

// Send queues a message; a copy of it unless keep is set, when the caller must
// not change it any more. Its cost comes back through Handler.Sent.
func (l *Link) Send(data []byte, isReliable, keep bool) error {
	most := l.maxUnreliable
	if isReliable {
		most = l.maxReliable
	}
	if len(data) > most {
		return ErrTooLarge
	}
	var now time.Duration
	if !isReliable { // only those get too old
		now = time.Since(l.started)
	}
	dropped, err := l.out.put(data, isReliable, keep, now)
	if dropped > 0 {
		l.handler.Sent(l, false, dropped)
	}
	return err
}

// Violate ends the link because the other side broke the room's protocol. What
// else it says is not listened to.
func (l *Link) Violate() {
	l.violated.Store(true)
	l.stop(Protocol)
}

// Abandon ends the link without a word to the other side, which is not there.
func (l *Link) Abandon(why Reason) { l.stop(why) }

// Met says whether there is a path, though perhaps not everything is open yet.
func (l *Link) Met() bool {
	select {
	case <-l.met:
		return true
	default:
		return false
	}
}

// SetPatient turns the judging of silence off and on again.
func (l *Link) SetPatient(patient bool) {
	if !patient {
		l.touch()
	}
	l.patient.Store(patient)
	l.restart.note(func(r *restarter) { r.waked = !patient })
}

// stop ends the link without ceremony. The first reason counts.
func (l *Link) stop(why Reason) {
	select {
	case l.end <- why:
	default:
	}
}

// touch notes that the other side was heard.
func (l *Link) touch() { l.heard.Store(int64(time.Since(l.started))) }
