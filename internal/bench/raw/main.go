// Raw is one end of the benchmark over pion/webrtc as it comes, or tuned: what
// the library is compared with. It does the work of ours.c and prints the same.
//
//	raw receive|send default|tuned WORK COUNT
//
// The sender prints its offer and reads the answer, as JSON lines; the receiver
// does the reverse.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: raw receive|send default|tuned WORK COUNT")
		os.Exit(2)
	}
	count, err := strconv.Atoi(os.Args[4])
	if err == nil {
		err = run(os.Args[1] == "send", os.Args[2] == "tuned", os.Args[3], count)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "raw:", err)
		os.Exit(1)
	}
}

func run(sender, tuned bool, work string, count int) error {
	api, err := newAPI(tuned)
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	if work == "memory" {
		return hold(api, sender, count, in)
	}
	began := time.Now()
	e, err := newEnd(api, tuned, sender, in)
	if err != nil {
		return err
	}
	if work == "open" {
		if sender {
			fmt.Printf("open %.6f\n", e.opened.Sub(began).Seconds())
		}
		time.Sleep(100 * time.Millisecond)
		return nil
	}
	w := newWork(e, work, count)
	if sender {
		return w.send()
	}
	return w.receive()
}

// newAPI: loopback is the only difference from pion's defaults, since the
// benchmark stays on this machine.
func newAPI(tuned bool) (*webrtc.API, error) {
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(net.IP.IsLoopback)
	if tuned {
		debug.SetGCPercent(400)
		s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
		s.DetachDataChannels()
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, err
		}
		_ = conn.SetReadBuffer(4 << 20)
		_ = conn.SetWriteBuffer(4 << 20)
		s.SetICEUDPMux(webrtc.NewICEUDPMux(nil, conn))
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(s)), nil
}

// end is one connection with its two channels.
type end struct {
	pc       *webrtc.PeerConnection
	tuned    bool
	channels [2]*webrtc.DataChannel
	streams  [2]stream // tuned: detached
	opened   time.Time
	messages func(reliable bool, p []byte)
	ready    sync.WaitGroup
	started  chan struct{} // messages is set
}

// stream is what a detached channel offers.
type stream interface {
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
}

var labels = [2]string{"unreliable", "reliable"}

func newEnd(api *webrtc.API, tuned, offer bool, in *bufio.Reader) (*end, error) {
	e := &end{tuned: tuned, started: make(chan struct{})}
	e.ready.Add(2)
	var err error
	if e.pc, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return nil, err
	}
	if offer {
		ordered, retransmits := false, uint16(0)
		for i, init := range []*webrtc.DataChannelInit{{Ordered: &ordered, MaxRetransmits: &retransmits}, nil} {
			dc, err := e.pc.CreateDataChannel(labels[i], init)
			if err != nil {
				return nil, err
			}
			e.adopt(i, dc)
		}
	} else {
		e.pc.OnDataChannel(func(dc *webrtc.DataChannel) {
			for i, label := range labels {
				if dc.Label() == label {
					e.adopt(i, dc)
				}
			}
		})
	}
	if err := e.negotiate(offer, in); err != nil {
		return nil, err
	}
	e.ready.Wait()
	e.opened = time.Now()
	return e, nil
}

func (e *end) adopt(i int, dc *webrtc.DataChannel) {
	e.channels[i] = dc
	if !e.tuned {
		dc.OnMessage(func(m webrtc.DataChannelMessage) {
			<-e.started
			e.messages(i == 1, m.Data)
		})
	}
	dc.OnOpen(func() {
		if e.tuned {
			raw, err := dc.Detach()
			if err != nil {
				fmt.Fprintln(os.Stderr, "raw: detaching:", err)
				return // the other end waits in vain, and says so
			}
			e.streams[i] = raw
			go e.read(i, raw)
		}
		e.ready.Done()
	})
}

func (e *end) read(i int, s stream) {
	<-e.started
	buf := make([]byte, 64<<10)
	for {
		n, err := s.Read(buf)
		if err != nil {
			return
		}
		e.messages(i == 1, buf[:n])
	}
}

func (e *end) write(reliable int, p []byte) error {
	if e.tuned {
		_, err := e.streams[reliable].Write(p)
		return err
	}
	return e.channels[reliable].Send(p)
}

// negotiate trades complete descriptions over stdin and stdout.
func (e *end) negotiate(offer bool, in *bufio.Reader) error {
	if offer {
		d, err := e.pc.CreateOffer(nil)
		if err != nil {
			return err
		}
		if err := e.tell(d); err != nil {
			return err
		}
	}
	var d webrtc.SessionDescription
	line, err := in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &d)
	}
	if err != nil {
		return err
	}
	if err := e.pc.SetRemoteDescription(d); err != nil || offer {
		return err
	}
	if d, err = e.pc.CreateAnswer(nil); err != nil {
		return err
	}
	return e.tell(d)
}

func (e *end) tell(d webrtc.SessionDescription) error {
	gathered := webrtc.GatheringCompletePromise(e.pc)
	if err := e.pc.SetLocalDescription(d); err != nil {
		return err
	}
	<-gathered
	return json.NewEncoder(os.Stdout).Encode(e.pc.LocalDescription())
}
