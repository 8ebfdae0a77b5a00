package link

import (
	"encoding/binary"
	"testing"

	"unityp2p/core/wire"
)

// counter is a handler that only counts.
type counter struct {
	messages, bytes int
}

func (c *counter) Signal(*Link, wire.Negotiation) {}
func (c *counter) Admit(*Link) (bool, Reason)     { return true, 0 }
func (c *counter) Up(*Link)                       {}
func (c *counter) Control(*Link, wire.Control)    {}
func (c *counter) Sent(*Link, bool, int)          {}
func (c *counter) Reach(*Link, bool)              {}
func (c *counter) Moved(*Link)                    {}
func (c *counter) Restarting(*Link, bool)         {}
func (c *counter) Restart(*Link, []byte)          {}
func (c *counter) Down(*Link, Reason)             {}
func (c *counter) Messages(_ *Link, messages []Message) {
	for _, m := range messages {
		c.messages++
		c.bytes += len(m.Data)
	}
}

// chromeOffer is what Chromium 156 offers for two data channels.
const chromeOffer = "v=0\r\no=- 7299310853366262387 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" +
	"a=group:BUNDLE 0\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n" +
	"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n" +
	"a=ice-ufrag:Wt5g\r\na=ice-pwd:nD9ZyUkGOmIzXmGqa2dGCLE9\r\na=ice-options:trickle\r\n" +
	"a=fingerprint:sha-256 0D:8C:6B:1D:0E:C3:5E:BB:5F:40:1B:33:A7:E2:6C:0B:3E:5A:95:11:35:6C:54:1C:87:2F:B1:56:91:1A:6F:CA\r\n" +
	"a=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"

// FuzzDescription gives descriptions and candidates to pion as a stranger's
// would come. Whatever they say, there is an error or a link that can be closed.
func FuzzDescription(f *testing.F) {
	engine, err := NewEngine(testOptions())
	if err != nil {
		f.Fatal(err)
	}
	const candidate = "candidate:1 1 udp 2130706431 127.0.0.1 9 typ host ufrag Wt5g"
	f.Add(false, chromeOffer, candidate, "0", "Wt5g")
	f.Add(false, markSDP(chromeOffer), "candidate:1 1 udp 1 x.local 9 typ host", "", "")
	f.Add(false, chromeOffer+"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=rtpmap:111 opus/48000/2\r\n", candidate, "1", "")
	f.Add(true, chromeOffer, "candidate:1 1 tcp 1 ::1 9 typ srflx raddr 0.0.0.0 rport 0 tcptype active", "0", "x")
	f.Fuzz(func(t *testing.T, answer bool, sdp, candidate, mid, fragment string) {
		l, err := engine.newLink(&counter{}, 0, answer)
		if err != nil {
			t.Fatal(err)
		}
		n := negotiator{link: l}
		s := wire.Negotiation{Kind: wire.Offer, SDP: sdp}
		if answer {
			s.Kind = wire.Answer
			if err := n.offer(); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.take(s); err == nil {
			_ = n.take(wire.Negotiation{
				Kind: wire.Candidate, Candidate: candidate, SDPMid: mid, UsernameFragment: fragment,
			})
		}
		_ = l.pc.GracefulClose()
	})
}

// FuzzPackets gives packets to the readers of the three channels, each after its
// channel and its length. Whatever they say, what is delivered was paid for.
func FuzzPackets(f *testing.F) {
	options := testOptions()
	options.ReceiveBuffer, options.MaxMessage = 64<<10, 128<<10
	engine, err := NewEngine(options)
	if err != nil {
		f.Fatal(err)
	}
	packets := func(all ...[]byte) (p []byte) {
		for _, one := range all {
			p = append(binary.LittleEndian.AppendUint16(append(p, one[0]), uint16(len(one)-1)), one[1:]...)
		}
		return p
	}
	on := func(channel byte, packet []byte) []byte { return append([]byte{channel}, packet...) }
	piece := make([]byte, 2048)
	f.Add(packets(
		on(reliable, append(wire.AppendPacketHead(nil, wire.SinglePacket, 1), "one"...)),
		on(reliable, wire.AppendMessage(wire.AppendPacketHead(nil, wire.BatchPacket, 2), []byte("two"))),
		on(reliable, wire.AppendFragment(nil, 3, 4096, 0, piece)),
		on(reliable, wire.AppendFragment(nil, 3, 4096, 2048, piece)),
	))
	f.Add(packets(
		on(unreliable, wire.AppendFragment(nil, 9, 4096, 2048, piece)),
		on(unreliable, wire.AppendFragment(nil, 8, 5000, 0, piece)),
		on(unreliable, wire.AppendFragment(nil, 9, 4096, 0, piece)),
	))
	one := append(wire.AppendPacketHead(nil, wire.SinglePacket, 1), "one"...)
	two := wire.AppendMessage(wire.AppendPacketHead(nil, wire.BatchPacket, 2), []byte("two"))
	got := wire.Got{Missing: 1}
	f.Add(packets(
		on(unreliable, wire.AppendCopy(nil, two)),
		on(unreliable, wire.AppendCopy(nil, one)),
		on(reliable, one),
		on(unreliable, wire.AppendCopy(nil, one)),
		on(reliable, two),
		on(unreliable, got.Append(nil)),
	))
	ping := wire.Control{Kind: wire.ControlPing, Token: 5}
	credit := wire.Control{Kind: wire.ControlCredit, Channel: wire.ChannelReliable, Limit: 1 << 40}
	f.Add(packets(on(control, ping.Append(nil)), on(control, credit.Append(nil))))
	f.Fuzz(func(t *testing.T, p []byte) {
		h := &counter{}
		l := &Link{engine: engine, handler: h, own: true, end: make(chan Reason, 1)}
		l.out.init(options.SendBuffer)
		l.in.init(options.ReceiveBuffer)
		l.incoming.link, l.copies = l, true
		granted := l.in.grant()
		feed(l, p)
		if cost := uint64(h.bytes + h.messages*wire.MessageCost); h.bytes > len(p) || cost > granted+uint64(len(p))*wire.MessageCost {
			t.Fatalf("%d messages of %d bytes from %d bytes, with credit for %d", h.messages, h.bytes, len(p), granted)
		}
	})
}

// feed plays the readers until one of them ends the link.
func feed(l *Link, p []byte) {
	unrel := unreliableReader{link: l}
	for ok := true; ok && len(p) >= 3; {
		kind, n := p[0], min(int(binary.LittleEndian.Uint16(p[1:])), len(p)-3)
		packet := p[3 : 3+n]
		p = p[3+n:]
		switch kind % channelCount {
		case reliable:
			ok = l.incoming.take(packet)
		case unreliable:
			ok = unrel.take(packet)
		case control:
			c, err := wire.ParseControl(packet)
			if ok = err == nil; ok && c.Kind != wire.ControlBye { // a goodbye waits for what it follows
				ok = l.takeControl(&c)
			}
		}
	}
}
