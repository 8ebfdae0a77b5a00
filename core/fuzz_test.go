package core

import (
	"context"
	"strings"
	"testing"
	"time"

	"unityp2p/core/link"
	"unityp2p/core/wire"
)

// silent is the owner of a link that is not to come up.
type silent struct{}

func (silent) Signal(*link.Link, wire.Negotiation)  {}
func (silent) Admit(*link.Link) (bool, link.Reason) { return false, link.Full }
func (silent) Up(*link.Link)                        {}
func (silent) Messages(*link.Link, []link.Message)  {}
func (silent) Control(*link.Link, wire.Control)     {}
func (silent) Sent(*link.Link, bool, int)           {}
func (silent) Reach(*link.Link, bool)               {}
func (silent) Moved(*link.Link)                     {}
func (silent) Restarting(*link.Link, bool)          {}
func (silent) Restart(*link.Link, []byte)           {}
func (silent) Down(*link.Link, link.Reason)         {}

// FuzzConfig gives NewHost and NewClient what a game's settings file may hold. What
// withDefaults lets through, the engine can be made of.
func FuzzConfig(f *testing.F) {
	f.Add("ws://127.0.0.1:1/", "room", "", "stun:stun.example.org\nturn:turn.example.org?transport=tcp", uint32(0), uint32(0), uint16(0), uint16(0), 0, int64(0))
	f.Add("wss://[::1]:443/p?a=b", "räum", "token", "turns:h:5349\n", uint32(3), uint32(3), uint16(40000), uint16(40100), 1<<20, int64(time.Second))
	f.Add("http://h", strings.Repeat("x", 257), "\x00", "stun:", uint32(9), uint32(9), uint16(2), uint16(1), -1, int64(-1))
	f.Fuzz(func(t *testing.T, signaling, room, token, servers string, loopback, networks uint32, portMin, portMax uint16, size int, wait int64) {
		cfg := Config{
			Signaling: signaling, Room: room, Token: token,
			Loopback: Loopback(loopback), Networks: Networks(networks), PortMin: portMin, PortMax: portMax,
			MaxMessage: size, SendBuffer: size, ReceiveBuffer: size, UnreliableBuffer: size, MaxMembers: size,
			UnreachableAfter: time.Duration(wait), DisconnectAfter: 2 * time.Duration(wait), ConnectTimeout: time.Duration(wait),
		}
		for line := range strings.Lines(servers) {
			cfg.ICEServers = append(cfg.ICEServers, ICEServer{URL: strings.TrimSpace(line), Username: token, Credential: room})
		}
		checked, err := cfg.withDefaults()
		if err != nil {
			return
		}
		for _, n := range []int{checked.MaxMessage, checked.SendBuffer, checked.ReceiveBuffer, checked.UnreliableBuffer, checked.MaxMembers} {
			if n <= 0 || n > maxBuffer {
				t.Fatalf("%d passed", n)
			}
		}
		if checked.UnreachableAfter <= 0 || checked.DisconnectAfter <= checked.UnreachableAfter || checked.ConnectTimeout <= 0 {
			t.Fatalf("times %v, %v, %v passed", checked.UnreachableAfter, checked.DisconnectAfter, checked.ConnectTimeout)
		}
		engine, err := link.NewEngine(linkOptions(&checked, true))
		if err != nil {
			t.Fatalf("no engine of what passed: %v", err)
		}
		over, cancel := context.WithCancel(context.Background())
		cancel()
		l, err := engine.Answer(over, silent{}, 0)
		if err != nil {
			t.Fatalf("no connection of what passed: %v", err)
		}
		<-l.Done()
	})
}
