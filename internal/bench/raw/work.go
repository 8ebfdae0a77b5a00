package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pion/webrtc/v4"
)

// As in ours.c.
const (
	bulkSize, smallSize, pingSize = 16384, 100, 64
	rate                          = 50000
	patience                      = 120 * time.Second

	msgStart, msgData, msgEnd, msgDone, msgAsk, msgAnswer = 'S', 'M', 'E', 'D', 'P', 'Q'

	// The usual flow control of pion's own example.
	high, low = 1 << 20, 512 << 10
)

// work is what two ends do with each other.
type work struct {
	end   *end
	name  string
	count uint64

	got       atomic.Uint64
	sentThere atomic.Uint64
	lastAt    atomic.Int64
	firstAt   time.Time
	cpuAt     float64
	start     chan struct{}
	ended     chan struct{}
	done      chan struct{}
	answered  chan struct{}
	room      chan struct{}
}

func newWork(e *end, name string, count int) *work {
	w := &work{
		end: e, name: name, count: uint64(count),
		start: make(chan struct{}), ended: make(chan struct{}), done: make(chan struct{}),
		answered: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
	for _, dc := range e.channels {
		dc.SetBufferedAmountLowThreshold(low)
		dc.OnBufferedAmountLow(func() {
			select {
			case w.room <- struct{}{}:
			default:
			}
		})
	}
	e.messages = w.take
	close(e.started)
	return w
}

func cpu() float64 {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Sec+r.Stime.Sec) + float64(r.Utime.Usec+r.Stime.Usec)/1e6
}

func (w *work) take(_ bool, p []byte) {
	switch p[0] {
	case msgData:
		w.got.Add(1)
		w.lastAt.Store(time.Now().UnixNano())
	case msgStart:
		w.firstAt, w.cpuAt = time.Now(), cpu()
		w.lastAt.Store(w.firstAt.UnixNano())
		close(w.start)
	case msgEnd:
		w.sentThere.Store(binary.LittleEndian.Uint64(p[1:]))
		close(w.ended)
	case msgDone:
		close(w.done)
	case msgAsk:
		answer := make([]byte, pingSize)
		answer[0] = msgAnswer
		_ = w.end.write(1, answer)
	case msgAnswer:
		w.answered <- struct{}{}
	}
}

func (w *work) number(kind byte, n uint64) error {
	return w.end.write(1, binary.LittleEndian.AppendUint64([]byte{kind}, n))
}

func await(c <-chan struct{}, what string) error {
	select {
	case <-c:
		return nil
	case <-time.After(patience):
		return errors.New("waited too long for " + what)
	}
}

func (w *work) receive() error {
	if w.name == "ping" {
		return await(w.ended, "the end of the pings")
	}
	if err := await(w.start, "the start"); err != nil {
		return err
	}
	deadline := time.Now().Add(patience)
	for !w.complete() {
		if time.Now().After(deadline) {
			return errors.New("waited too long for messages")
		}
		time.Sleep(time.Millisecond)
	}
	last := time.Unix(0, w.lastAt.Load())
	fmt.Printf("receiver_cpu %.6f\nseconds %.6f\ngot %d\n", cpu()-w.cpuAt, last.Sub(w.firstAt).Seconds(), w.got.Load())
	err := w.number(msgDone, w.got.Load())
	time.Sleep(200 * time.Millisecond)
	return err
}

func (w *work) complete() bool {
	if w.name == "bulk" {
		return w.got.Load() >= w.count
	}
	select {
	case <-w.ended:
	default:
		return false
	}
	return w.got.Load() >= w.sentThere.Load() || time.Since(time.Unix(0, w.lastAt.Load())) > 500*time.Millisecond
}

func (w *work) send() error {
	if w.name == "ping" {
		return w.ping()
	}
	if err := w.number(msgStart, 0); err != nil {
		return err
	}
	size, channel, perSecond := smallSize, 0, 0.0
	switch w.name {
	case "bulk":
		size, channel = bulkSize, 1
	case "paced":
		perSecond = rate
	}
	began, before := time.Now(), cpu()
	p := make([]byte, size)
	p[0] = msgData
	for i := uint64(0); i < w.count; {
		if perSecond > 0 && float64(i) > time.Since(began).Seconds()*perSecond {
			time.Sleep(time.Millisecond)
			continue
		}
		if w.end.channels[channel].BufferedAmount() > high {
			if err := await(w.room, "room to send"); err != nil {
				return err
			}
			continue
		}
		if err := w.end.write(channel, p); err != nil {
			return err
		}
		i++
	}
	if err := w.number(msgEnd, w.count); err != nil {
		return err
	}
	if err := await(w.done, "the receiver"); err != nil {
		return err
	}
	fmt.Printf("sender_cpu %.6f\nsent %d\nrefused 0\n", cpu()-before, w.count)
	return nil
}

func (w *work) ping() error {
	took := make([]time.Duration, w.count)
	deadline := time.After(patience)
	p := make([]byte, pingSize)
	p[0] = msgAsk
	for i := range took {
		asked := time.Now()
		if err := w.end.write(1, p); err != nil {
			return err
		}
		select {
		case <-w.answered:
		case <-deadline:
			return errors.New("waited too long for an answer")
		}
		took[i] = time.Since(asked)
	}
	slices.Sort(took)
	fmt.Printf("p50 %.9f\np99 %.9f\n", took[len(took)/2].Seconds(), took[len(took)*99/100].Seconds())
	err := w.number(msgEnd, 0)
	time.Sleep(200 * time.Millisecond)
	return err
}

// hold measures what count connections add to the first one, which brings in
// code and tables that all share. The receiver measures itself.
func hold(api *webrtc.API, sender bool, count int, in *bufio.Reader) error {
	var ends []*end
	before := 0
	for i := range count + 1 {
		e, err := newEnd(api, false, sender, in)
		if err != nil {
			return err
		}
		ends = append(ends, e)
		if i == 0 {
			time.Sleep(2 * time.Second)
			before = residentKB()
		}
	}
	if sender {
		_, _ = in.ReadByte() // until the receiver is done
		return nil
	}
	time.Sleep(10 * time.Second)
	fmt.Printf("kb_per_connection %.1f\n", float64(residentKB()-before)/float64(len(ends)-1))
	return nil
}

func residentKB() (kb int) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); err == nil {
			return kb
		}
	}
	return 0
}
