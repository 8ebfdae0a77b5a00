package core_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"

	"unityp2p/core"
	"unityp2p/core/wire"
)

// liar is a peer that speaks our protocol as it pleases: bare pion that marks
// its SDP and then sends whatever a test wants, on any channel.
type liar struct {
	t      *testing.T
	cert   webrtc.Certificate
	signal func(n wire.Negotiation) // brings ours to the other side
	hello  wire.Control             // said when the control channel opens
	mute   bool                     // says no hello
	many   bool                     // opens many more channels

	pc    *webrtc.PeerConnection
	offer bool

	mu       sync.Mutex
	early    []webrtc.ICECandidateInit
	channels map[string]*webrtc.DataChannel
	ready    chan struct{} // all three channels are open
	ended    chan struct{} // closed when the other side has had enough
	once     sync.Once
	heard    chan wire.Control

	relayable atomic.Uint64 // what the host takes of relayed packets, beyond the first
}

func newLiar(t *testing.T, offer bool) *liar {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := webrtc.GenerateCertificate(key)
	if err != nil {
		t.Fatal(err)
	}
	return newLiarAs(t, offer, *cert)
}

// newLiarAs is another connection of the same liar.
func newLiarAs(t *testing.T, offer bool, cert webrtc.Certificate) *liar {
	t.Helper()
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(net.IP.IsLoopback)
	settings.SetSCTPRTOMax(time.Second) // what it floods is lost in part, and has to come again
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(
		webrtc.Configuration{Certificates: []webrtc.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{
		t: t, cert: cert, pc: pc, offer: offer,
		hello: wire.Control{
			Kind: wire.ControlHello, Version: wire.Version,
			MaxMessage: wire.MaxReliableMessage, MaxUnreliable: wire.MaxUnreliableMessage, Limit: 1 << 20,
		},
		channels: make(map[string]*webrtc.DataChannel),
		ready:    make(chan struct{}), ended: make(chan struct{}), heard: make(chan wire.Control, 1024),
	}
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c != nil {
			init := c.ToJSON()
			l.signal(wire.Negotiation{Kind: wire.Candidate, Candidate: init.Candidate, SDPMid: *init.SDPMid})
		}
	})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateClosed {
			l.end()
		}
	})
	pc.OnDataChannel(l.adopt)
	t.Cleanup(func() { _ = pc.GracefulClose() })
	return l
}

func (l *liar) end() { l.once.Do(func() { close(l.ended) }) }

// member is the id that its certificate gives it.
func (l *liar) member() core.MemberID {
	prints, err := l.cert.GetFingerprints()
	if err != nil {
		l.t.Fatal(err)
	}
	var sum [sha256.Size]byte
	for i := range sum {
		if _, err := fmt.Sscanf(prints[0].Value[3*i:3*i+2], "%02x", &sum[i]); err != nil {
			l.t.Fatal(err)
		}
	}
	return core.MemberID(binary.BigEndian.Uint64(sum[:8]))
}

func (l *liar) adopt(dc *webrtc.DataChannel) {
	dc.OnMessage(func(m webrtc.DataChannelMessage) { l.take(dc.Label(), m.Data) })
	dc.OnClose(l.end)
	dc.OnOpen(func() {
		l.mu.Lock()
		l.channels[dc.Label()] = dc
		open := len(l.channels)
		l.mu.Unlock()
		if dc.Label() == "p2p.control" && !l.mute {
			_ = dc.Send(l.hello.Append(nil))
		}
		if dc.Label() == "p2p.control" && l.many {
			for i := range 100 {
				_, _ = l.pc.CreateDataChannel(fmt.Sprint("more", i), nil)
			}
		}
		if open == 3 {
			close(l.ready)
		}
	})
}

func (l *liar) take(label string, p []byte) {
	if label != "p2p.control" {
		return
	}
	c, err := wire.ParseControl(p)
	if err != nil {
		l.t.Errorf("our peer said %x", p)
		return
	}
	switch c.Kind {
	case wire.ControlPing:
		l.control(wire.Control{Kind: wire.ControlPong, Token: c.Token})
		return
	case wire.ControlRelayCredit:
		l.relayable.Store(c.Limit)
		return
	}
	select {
	case l.heard <- c:
	default:
	}
}

func (l *liar) create(label string, ordered bool) {
	init := &webrtc.DataChannelInit{Ordered: &ordered}
	if !ordered {
		retransmits := uint16(0)
		init.MaxRetransmits = &retransmits
	}
	dc, err := l.pc.CreateDataChannel(label, init)
	if err != nil {
		l.t.Error(err)
		return
	}
	l.adopt(dc)
}

const mark = "a=unityp2p:1 0\r\n"

// begin makes the offer.
func (l *liar) begin() {
	l.create("reliable", true)
	l.create("unreliable", false)
	offer, err := l.pc.CreateOffer(nil)
	if err != nil {
		l.t.Error(err)
		return
	}
	l.signal(wire.Negotiation{Kind: wire.Offer, SDP: offer.SDP + mark})
	_ = l.pc.SetLocalDescription(offer)
}

// hear takes the other side's negotiation.
func (l *liar) hear(n wire.Negotiation) {
	switch n.Kind {
	case wire.Offer, wire.Answer:
		kind := webrtc.SDPTypeAnswer
		if n.Kind == wire.Offer {
			kind = webrtc.SDPTypeOffer
		} else {
			l.create("p2p.control", true)
		}
		if err := l.pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: n.SDP}); err != nil {
			return // it has ended meanwhile
		}
		for _, c := range l.early {
			_ = l.pc.AddICECandidate(c)
		}
		if n.Kind == wire.Offer {
			answer, err := l.pc.CreateAnswer(nil)
			if err != nil {
				return
			}
			l.signal(wire.Negotiation{Kind: wire.Answer, SDP: answer.SDP + mark})
			_ = l.pc.SetLocalDescription(answer)
		}
	case wire.Candidate:
		init := webrtc.ICECandidateInit{Candidate: n.Candidate, SDPMid: &n.SDPMid}
		if l.pc.RemoteDescription() == nil {
			l.early = append(l.early, init)
			return
		}
		_ = l.pc.AddICECandidate(init)
	}
}

// say sends bytes on a channel, however wrong. It reports false once the other
// side has ended the connection.
func (l *liar) say(label string, p []byte) bool {
	l.mu.Lock()
	dc := l.channels[label]
	l.mu.Unlock()
	for dc.BufferedAmount() > 64<<10 { // memory is measured, so ours is bounded too
		select {
		case <-l.ended:
			return false
		case <-time.After(time.Millisecond):
		}
	}
	return dc.Send(p) == nil
}

func (l *liar) control(c wire.Control) bool { return l.say("p2p.control", c.Append(nil)) }

func (l *liar) awaitReady() {
	l.t.Helper()
	select {
	case <-l.ready:
	case <-time.After(patience):
		l.t.Fatal("the liar did not get in")
	}
}

func (l *liar) awaitEnd() {
	l.t.Helper()
	select {
	case <-l.ended:
	case <-time.After(patience):
		l.t.Fatal("nobody ended the liar's connection")
	}
}

// socket is a liar's connection to the signaling server.
type socket struct {
	t  *testing.T
	ws *websocket.Conn
	mu sync.Mutex
}

func dial(t *testing.T, s *server) *socket {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+s.address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	return &socket{t: t, ws: ws}
}

func (s *socket) send(f wire.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.ws.WriteMessage(websocket.BinaryMessage, f.Append(nil))
}

// say brings negotiation to the other end of a link at the server.
func (s *socket) say(link int16, n wire.Negotiation) {
	s.send(wire.Frame{Type: wire.ReliableMessage, DataType: wire.Bytes, ID: link, Data: n.Append(nil)})
}

// run gives every frame to take until the socket ends.
func (s *socket) run(take func(f wire.Frame)) {
	for {
		_, p, err := s.ws.ReadMessage()
		if err != nil {
			return
		}
		if f, err := wire.ParseFrame(p); err == nil {
			take(f)
		}
	}
}

// joinAsLiar connects a liar to a room's host.
func joinAsLiar(t *testing.T, s *server, room string, prepare func(*liar)) *liar {
	t.Helper()
	l := newLiar(t, true)
	if prepare != nil {
		prepare(l)
	}
	l.join(s, room)
	return l
}

func (l *liar) join(s *server, room string) {
	const link = 1
	ws := dial(l.t, s)
	l.signal = func(n wire.Negotiation) { ws.say(link, n) }
	go ws.run(func(f wire.Frame) {
		switch f.Type {
		case wire.NewConnection:
			l.begin()
		case wire.ReliableMessage:
			if n, err := wire.ParseNegotiation(f.Data); err == nil {
				l.hear(n)
			}
		}
	})
	ws.send(wire.Frame{Type: wire.NewConnection, DataType: wire.Text, ID: link, Data: []byte(wire.AddressOf(room))})
}

// hostAsLiar hosts a room. Each who connects gets a liar of its own; ready is
// called with it when its channels are open.
func hostAsLiar(t *testing.T, s *server, room string, ready func(*liar)) {
	t.Helper()
	hostAsLiarWith(t, dial(t, s), room, func(*liar) {}, ready)
}

// hostAsLiarWith is hostAsLiar with liars that are prepared.
func hostAsLiarWith(t *testing.T, ws *socket, room string, prepare, ready func(*liar)) {
	t.Helper()
	liars := make(map[int16]*liar)
	go ws.run(func(f wire.Frame) {
		switch f.Type {
		case wire.NewConnection:
			l := newLiar(t, false)
			l.hello.Flags = wire.HelloHost
			prepare(l)
			id := f.ID
			l.signal = func(n wire.Negotiation) { ws.say(id, n) }
			liars[id] = l
			go func() {
				select {
				case <-l.ready:
					ready(l)
				case <-l.ended:
				}
			}()
		case wire.ReliableMessage:
			if n, err := wire.ParseNegotiation(f.Data); err == nil && liars[f.ID] != nil {
				liars[f.ID].hear(n)
			}
		}
	})
	ws.send(wire.Frame{Type: wire.ServerInitialized, DataType: wire.Text, ID: -1, Data: []byte(wire.AddressOf(room))})
}
