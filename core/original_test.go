package core_test

import (
	"bytes"
	"encoding/json"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"

	"unityp2p/core"
)

// original is a peer that knows the original's protocol and nothing of ours: a
// bare WebSocket, bare pion, raw messages on the two channels.
type original struct {
	t    *testing.T
	ws   *websocket.Conn
	pc   *webrtc.PeerConnection
	id   byte // of the link at the signaling server, its low byte
	high byte

	mu       sync.Mutex // also one writer at a time
	channels map[string]*webrtc.DataChannel
	opened   chan struct{}
	greeted  chan struct{} // gets one when the other side's role number has come
	hold     chan struct{} // not nil: the offer waits until it is closed
	got      chan received
	labels   []string
	early    []webrtc.ICECandidateInit
}

type received struct {
	label string
	data  []byte
}

func newOriginal(t *testing.T, s *server) *original {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+s.address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(isLoopback)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	o := &original{
		t: t, ws: ws, pc: pc, channels: make(map[string]*webrtc.DataChannel),
		opened: make(chan struct{}, 2), greeted: make(chan struct{}, 1), got: make(chan received, 100),
	}
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c != nil {
			init := c.ToJSON()
			o.say(map[string]any{
				"usernameFragment": nil, "sdpMLineIndex": *init.SDPMLineIndex, "sdpMid": *init.SDPMid, "candidate": init.Candidate,
			})
		}
	})
	pc.OnDataChannel(o.adopt)
	t.Cleanup(func() {
		_ = ws.Close()
		_ = pc.Close()
	})
	return o
}

func (o *original) adopt(dc *webrtc.DataChannel) {
	o.mu.Lock()
	o.labels = append(o.labels, dc.Label())
	o.channels[dc.Label()] = dc
	o.mu.Unlock()
	dc.OnOpen(func() { o.opened <- struct{}{} })
	dc.OnMessage(func(m webrtc.DataChannelMessage) { o.got <- received{dc.Label(), m.Data} })
}

func (o *original) frame(p ...byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.ws.WriteMessage(websocket.BinaryMessage, p)
}

// utf16le encodes text with the count of its code units in front.
func utf16le(text string) []byte {
	units := utf16.Encode([]rune(text))
	p := []byte{byte(len(units)), byte(len(units) >> 8), byte(len(units) >> 16), 0}
	for _, u := range units {
		p = append(p, byte(u), byte(u>>8))
	}
	return p
}

// say sends one negotiation message over the signaling link.
func (o *original) say(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		o.t.Error(err)
		return
	}
	data := utf16le(string(text))
	n := len(data) - 4
	head := []byte{2, 1, o.id, o.high, byte(n), byte(n >> 8), byte(n >> 16), 0}
	o.frame(append(head, data[4:]...)...)
}

// run handles what the signaling server says, until the socket ends. onLink is
// called when there is a link.
func (o *original) run(onLink func()) {
	for {
		_, p, err := o.ws.ReadMessage()
		if err != nil {
			return
		}
		switch {
		case len(p) == 4 && p[0] == 6:
			o.id, o.high = p[2], p[3]
			onLink()
		case len(p) > 8 && p[0] == 2:
			o.hear(p[8:])
		}
	}
}

func (o *original) hear(data []byte) {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = uint16(data[2*i]) | uint16(data[2*i+1])<<8
	}
	var m struct {
		Type, SDP, Candidate, SDPMid string
		SDPMLineIndex                uint16
	}
	if json.Unmarshal([]byte(string(utf16.Decode(units))), &m) != nil {
		select { // it is the role number
		case o.greeted <- struct{}{}:
		default:
		}
		return
	}
	switch {
	case m.Type != "":
		description := webrtc.SessionDescription{Type: webrtc.NewSDPType(m.Type), SDP: m.SDP}
		if err := o.pc.SetRemoteDescription(description); err != nil {
			o.t.Error(err)
			return
		}
		for _, c := range o.early {
			_ = o.pc.AddICECandidate(c)
		}
		o.early = nil
		if m.Type == "offer" {
			answer, err := o.pc.CreateAnswer(nil)
			if err != nil {
				o.t.Error(err)
				return
			}
			o.say(map[string]string{"sdp": answer.SDP, "type": "answer"})
			_ = o.pc.SetLocalDescription(answer)
		}
	case m.Candidate != "":
		init := webrtc.ICECandidateInit{Candidate: m.Candidate, SDPMid: &m.SDPMid, SDPMLineIndex: &m.SDPMLineIndex}
		if o.pc.RemoteDescription() == nil {
			o.early = append(o.early, init)
			return
		}
		_ = o.pc.AddICECandidate(init)
	}
}

// join connects to a room and makes the offer, as connectors do.
func (o *original) join(room string) {
	ordered, retransmits := false, uint16(0)
	for label, init := range map[string]*webrtc.DataChannelInit{
		"reliable": nil, "unreliable": {Ordered: &ordered, MaxRetransmits: &retransmits},
	} {
		dc, err := o.pc.CreateDataChannel(label, init)
		if err != nil {
			o.t.Fatal(err)
		}
		o.adopt(dc)
	}
	go o.run(func() {
		if o.hold == nil {
			o.offer()
			return
		}
		go func() {
			<-o.hold
			o.offer()
		}()
	})
	o.frame(append([]byte{6, 2, 1, 0}, utf16le(room)...)...)
}

func (o *original) offer() {
	offer, err := o.pc.CreateOffer(nil)
	if err != nil {
		o.t.Error(err)
		return
	}
	o.say(map[string]string{"sdp": offer.SDP, "type": "offer"})
	_ = o.pc.SetLocalDescription(offer)
}

// listen hosts a room.
func (o *original) listen(room string) {
	go o.run(func() {
		number := utf16le("12345")
		o.frame(append([]byte{2, 1, o.id, o.high, byte(len(number) - 4), 0, 0, 0}, number[4:]...)...)
	})
	o.frame(append([]byte{3, 2, 0xff, 0xff}, utf16le(room)...)...)
}

func (o *original) awaitOpen() {
	o.t.Helper()
	for range 2 {
		select {
		case <-o.opened:
		case <-time.After(patience):
			o.t.Fatal("the channels did not open")
		}
	}
}

func (o *original) channel(label string) *webrtc.DataChannel {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.channels[label]
}

func (o *original) expect(label string, want []byte) {
	o.t.Helper()
	select {
	case r := <-o.got:
		if r.label != label || !bytes.Equal(r.data, want) {
			o.t.Fatalf("got %d bytes on %s; want %d on %s", len(r.data), r.label, len(want), label)
		}
	case <-time.After(patience):
		o.t.Fatalf("nothing came on %s", label)
	}
}

// talk exchanges raw messages of all sizes with our peer on both channels.
func (o *original) talk(p *player, conn core.ConnID) {
	o.t.Helper()
	for _, n := range []int{1, 0, 1000, 65535, 60000} {
		if err := p.Send(conn, payload(n), true); err != nil {
			o.t.Fatal(err)
		}
		o.expect("reliable", payload(n))
		start := p.seen()
		if err := o.channel("reliable").Send(payload(n)); err != nil {
			o.t.Fatal(err)
		}
		e := p.awaitEvent("a raw message", start, isType(core.Message))
		if !e.Reliable || !bytes.Equal(e.Data, payload(n)) || e.Conn != conn {
			o.t.Fatalf("got %d bytes, reliable %v", len(e.Data), e.Reliable)
		}
	}
	if err := p.Send(conn, []byte("quick"), false); err != nil {
		o.t.Fatal(err)
	}
	o.expect("unreliable", []byte("quick"))
	start := p.seen()
	if err := o.channel("unreliable").Send([]byte("fast")); err != nil {
		o.t.Fatal(err)
	}
	if e := p.awaitEvent("an unreliable message", start, isType(core.Message)); e.Reliable || string(e.Data) != "fast" {
		o.t.Fatalf("got %+v", e)
	}
}

func TestAnOriginalPeerAtOurHost(t *testing.T) {
	s := newServer(t)
	h, own := host(t, "h", s.config("room")), join(t, "own", s.config("room"))
	meet(t, h, own)
	start := h.seen()
	o := newOriginal(t, s)
	o.join("room")
	e := h.awaitEvent("the original peer", start, isType(core.Connected))
	if !e.Original || e.MaxReliable < 65535 {
		t.Errorf("connected as %+v", e)
	}
	o.awaitOpen()
	o.talk(h, e.Conn)
	for _, label := range o.labels {
		if label != "reliable" && label != "unreliable" {
			t.Errorf("our host opened a channel %q to an original peer", label)
		}
	}
	if own.Broadcast([]byte("x"), true) != 1 {
		t.Error("an original peer talks to the host alone")
	}
	if err := h.Disconnect(e.Conn); err != nil {
		t.Fatal(err)
	}
	h.awaitEvent("the end", start, func(d core.Event) bool { return d.Type == core.Disconnected && d.Conn == e.Conn })
}

func TestAnOriginalPeerLeaves(t *testing.T) {
	s := newServer(t)
	h := host(t, "h", s.config("room"))
	h.awaitEvent("open", 0, isType(core.RoomOpen))
	o := newOriginal(t, s)
	o.join("room")
	h.awaitEvent("the original peer", 0, isType(core.Connected))
	o.awaitOpen()
	began := time.Now()
	_ = o.pc.Close()
	if e := h.awaitEvent("leaving", 0, isType(core.Disconnected)); e.Code != core.Closed {
		t.Errorf("left as %v", e.Code)
	}
	t.Logf("seen after %v", time.Since(began))
}

func TestAnOriginalHost(t *testing.T) {
	s := newServer(t)
	o := newOriginal(t, s)
	o.listen("theirs")
	c := join(t, "c", s.config("theirs"))
	e := c.awaitEvent("the host", 0, isType(core.Connected))
	if !e.Original || !e.Host {
		t.Errorf("connected as %+v", e)
	}
	o.awaitOpen()
	o.talk(c, e.Conn)
	for _, label := range o.labels {
		if label != "reliable" && label != "unreliable" {
			t.Errorf("our client opened a channel %q to an original host", label)
		}
	}
}

// An original peer's window closes while our game takes nothing; what was sent
// arrives when it takes again.
func TestAnOriginalPeerIsHeldByItsWindow(t *testing.T) {
	s := newServer(t)
	cfg := s.config("room")
	cfg.ReceiveBuffer = 128 << 10
	h := host(t, "h", cfg)
	h.awaitEvent("open", 0, isType(core.RoomOpen))
	o := newOriginal(t, s)
	o.join("room")
	h.awaitEvent("the original peer", 0, isType(core.Connected))
	o.awaitOpen()
	h.stopTaking()
	const count = 500
	for range count {
		if err := o.channel("reliable").Send(payload(10000)); err != nil {
			t.Fatal(err)
		}
	}
	held := time.After(2 * time.Second)
	<-held
	if waiting := o.channel("reliable").BufferedAmount(); waiting < 1<<20 {
		t.Errorf("only %d bytes wait at the sender", waiting)
	}
	h.resumeTaking()
	h.await("all messages", func() bool {
		n := 0
		for _, e := range h.events {
			if e.Type == core.Message {
				n++
			}
		}
		return n == count
	})
}
