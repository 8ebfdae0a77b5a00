//go:build linux

package game

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"unityp2p/core"
)

// Run plays until the input ends or the room is closed to us.
func Run(cfg Config, in io.Reader, out io.Writer) error {
	says := newSpeaker(out)
	room, err := enter(cfg, says)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &player{room: room, says: says, pairs: map[core.ConnID]*pair{}, ctx: ctx}
	var events sync.WaitGroup
	events.Go(p.listen)
	p.says.say(Line{Event: Here, Member: room.Member().String(), Host: cfg.Host})
	commands := bufio.NewScanner(in)
	for commands.Scan() {
		if err := p.obey(commands.Text()); err != nil {
			p.says.say(Line{Event: Failed, Text: err.Error()})
		}
	}
	cancel()
	room.Close()
	events.Wait()
	p.waiting.Wait()
	return commands.Err()
}

func enter(cfg Config, log io.Writer) (*core.Room, error) {
	c := core.Config{
		Signaling: cfg.Signaling, Room: "game", ICEServers: cfg.ICEServers,
		UnreachableAfter: cfg.UnreachableAfter, DisconnectAfter: cfg.DisconnectAfter,
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	}
	if cfg.Host {
		h, err := core.NewHost(c)
		if err != nil {
			return nil, err
		}
		return &h.Room, nil
	}
	client, err := core.NewClient(c)
	if err != nil {
		return nil, err
	}
	return &client.Room, nil
}

// player is the game's state: whom it plays with, and what it sends.
type player struct {
	room *core.Room
	says *speaker
	ctx  context.Context

	waiting sync.WaitGroup // for steadiness

	mu      sync.Mutex
	pairs   map[core.ConnID]*pair
	playing *traffic // nil: rests
}

// listen handles the room's events until it is closed.
func (p *player) listen() {
	for {
		e, err := p.room.Next(context.Background())
		if err != nil {
			p.each((*pair).rest)
			return
		}
		if e.Type == core.Message {
			if pair := p.pair(e.Conn); pair != nil {
				pair.take(e.Data, e.Reliable)
			}
			continue
		}
		p.note(e)
	}
}

func (p *player) pair(conn core.ConnID) *pair {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pairs[conn]
}

// each is in no particular order.
func (p *player) each(f func(*pair)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pair := range p.pairs {
		f(pair)
	}
}

// names of core's events, where they are not messages.
var names = map[core.EventType]string{
	core.RoomOpen: "open", core.RoomTrouble: "trouble", core.Connected: "connected",
	core.Disconnected: "disconnected", core.Unreachable: "unreachable", core.Reachable: "reachable",
	core.PathChanged: "path changed",
}

func (p *player) note(e core.Event) {
	p.mu.Lock()
	switch e.Type {
	case core.Connected:
		fresh := newPair(p.room, p.says, e)
		p.pairs[e.Conn] = fresh
		if p.playing != nil {
			fresh.play(p.ctx, *p.playing)
		}
	case core.Disconnected:
		if gone := p.pairs[e.Conn]; gone != nil {
			delete(p.pairs, e.Conn)
			gone.rest()
		}
	}
	p.mu.Unlock()
	name, known := names[e.Type]
	if !known {
		name = fmt.Sprintf("event %d", e.Type)
	}
	text := e.Text
	if e.Type == core.Disconnected {
		text = e.Code.String()
	}
	p.says.say(Line{Event: name, Member: e.Member.String(), Host: e.Host, Text: text})
}

func (p *player) obey(command string) error {
	words := strings.Fields(command)
	if len(words) == 0 {
		return nil
	}
	switch words[0] {
	case Traffic:
		return p.play(strings.Join(words[1:], " "))
	case Rest:
		p.mu.Lock()
		p.playing = nil
		p.mu.Unlock()
		p.each((*pair).rest)
	case Report:
		p.report()
	case Steady:
		return p.awaitSteady(strings.Join(words[1:], " "))
	case Measure:
		p.measure()
	default:
		return fmt.Errorf("%q is no command", command)
	}
	return nil
}

func (p *player) play(text string) error {
	var t traffic
	if _, err := fmt.Sscan(text, &t.reliableRate, &t.reliableSize, &t.unreliableRate, &t.unreliableSize); err != nil {
		return fmt.Errorf("the traffic %q: %w", text, err)
	}
	if min(t.reliableSize, t.unreliableSize) < bodyAt {
		return fmt.Errorf("messages have at least %d bytes", bodyAt)
	}
	p.mu.Lock()
	p.playing = &t
	p.mu.Unlock()
	p.each(func(pair *pair) { pair.play(p.ctx, t) })
	return nil
}

func (p *player) report() {
	l := Line{Event: Report, Pairs: map[string]Pair{}}
	for _, s := range p.room.Stats(nil) {
		if pair := p.pair(s.Conn); pair != nil {
			l.Pairs[pair.member] = pair.report(s)
		}
	}
	p.says.say(l)
}

// measure says how much of everything there is.
func (p *player) measure() {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	var pages, resident uint64
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		_, _ = fmt.Sscan(string(statm), &pages, &resident)
	}
	p.says.say(Line{
		Event: Measure, Goroutines: runtime.NumGoroutine(), Heap: m.HeapAlloc,
		Resident: resident * uint64(os.Getpagesize()),
	})
}
