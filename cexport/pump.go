package main

/*
#include "bridge.h"
*/
import "C"

import (
	"log/slog"
	"os"
	"time"
	"unsafe"

	"unityp2p/core"
)

// engine is what stands behind a handle.
type engine interface {
	// Close ends it and waits until nothing of it runs.
	Close()
}

// room is what Host and Client have in common here.
type room interface {
	engine
	Send(conn core.ConnID, data []byte, reliable bool) error
	SendTo(conns []core.ConnID, data []byte, reliable bool) []core.ConnID
	Release(conn core.ConnID, cost int)
	Disconnect(conn core.ConnID) error
	Stats(dst []core.Stats) []core.Stats
	SetConditions(c core.Conditions) error
	suspender
}

// suspender is what knows of phones: rooms and signaling servers.
type suspender interface {
	Suspend()
	Resume()
}

// pump carries out commands. Its goroutine lives as long as the process, since
// a Go library cannot be unloaded.
type pump struct {
	engines map[C.P2P_Handle]engine
	awake   chan struct{} // open while there are engines
	level   *slog.LevelVar
	log     *slog.Logger
}

func newPump() *pump {
	p := &pump{engines: make(map[C.P2P_Handle]engine), level: &slog.LevelVar{}}
	p.level.Set(slog.LevelWarn)
	p.log = slog.New(newLogHandler(p.level))
	return p
}

func (p *pump) run() {
	sleep := sleeper()
	for {
		first := C.bridge_take()
		if first == nil {
			sleep()
			continue
		}
		for c := first; c != nil; c = c.next {
			p.command(c)
		}
		C.bridge_free(first)
	}
}

// sleeper returns what waits until there are commands. A goroutine that reads
// from a pipe holds up nothing and is woken at once; one that waits in C keeps
// its share of the scheduler for a while.
func sleeper() func() {
	fd := C.bridge_alarm()
	if fd < 0 {
		return func() { C.bridge_sleep() }
	}
	pipe := os.NewFile(uintptr(fd), "unityp2p commands")
	rung := make([]byte, 64)
	return func() {
		if _, err := pipe.Read(rung); err != nil {
			C.bridge_sleep() // somebody closed what is not theirs
		}
	}
}

func (p *pump) command(c *C.struct_command) {
	switch c._type {
	case C.COMMAND_CREATE, C.COMMAND_SIGNALING:
		p.create(c)
		return
	case C.COMMAND_LOG_LEVEL:
		p.setLevel(uint64(c.amount))
		return
	case C.COMMAND_DISPOSE:
		p.dispose(c.handle)
		return
	case C.COMMAND_SUSPEND:
		p.suspend(c.handle)
		return
	}
	r, ok := p.engines[c.handle].(room)
	if !ok {
		return // disposed meanwhile, or it could not start
	}
	conn := core.ConnID(c.connection)
	switch c._type {
	case C.COMMAND_SEND:
		send(r, c)
	case C.COMMAND_DISCONNECT:
		_ = r.Disconnect(conn) // if it is gone, that is what was wanted
	case C.COMMAND_CREDIT:
		r.Release(conn, int(c.amount))
	case C.COMMAND_CONDITIONS:
		p.setConditions(r, c.handle)
	case C.COMMAND_STATS:
		go watchStats(r, c.handle)
	}
}

// suspend makes a handle's engine what the game last wanted it to be.
func (p *pump) suspend(h C.P2P_Handle) {
	s, ok := p.engines[h].(suspender)
	if !ok {
		return // disposed meanwhile, or it could not start
	}
	switch C.bridge_suspended(h) {
	case 1:
		s.Suspend()
	case 0:
		s.Suspend() // if it was over before we looked: no socket is to be trusted
		s.Resume()
	}
}

// setConditions gives a room the network that the game last wanted for it.
func (p *pump) setConditions(r room, h C.P2P_Handle) {
	var c C.P2P_NetworkConditions
	if C.bridge_conditions(h, &c) == 0 {
		return // disposed meanwhile
	}
	if err := r.SetConditions(conditions(&c)); err != nil {
		p.log.Error("the network stays as it is", "error", err) // the bridge checks first
	}
}

func conditions(c *C.P2P_NetworkConditions) core.Conditions {
	path := func(latency, jitter C.uint32_t, loss, duplication, reordering C.float, rate C.uint32_t) core.PathConditions {
		return core.PathConditions{
			Latency: time.Duration(latency) * time.Millisecond, Jitter: time.Duration(jitter) * time.Millisecond,
			Loss: float64(loss), Duplication: float64(duplication), Reordering: float64(reordering), Rate: int(rate),
		}
	}
	return core.Conditions{
		Seed: uint32(c.seed),
		Send: path(c.send_latency_ms, c.send_jitter_ms, c.send_loss_percent, c.send_duplication_percent,
			c.send_reordering_percent, c.send_rate_kbit),
		Receive: path(c.receive_latency_ms, c.receive_jitter_ms, c.receive_loss_percent, c.receive_duplication_percent,
			c.receive_reordering_percent, c.receive_rate_kbit),
	}
}

// payload is the command's data, in C's memory, for as long as the batch.
func payload(c *C.struct_command) []byte {
	return unsafe.Slice((*byte)(c.payload), int(c.length))
}

// send hands a message to the room. What a member did not take gives its send
// buffer back: its connection has ended, and that is reported.
func send(r room, c *C.struct_command) {
	data := payload(c)
	moved.Add(uint64(len(data)) + core.MessageCost)
	reliable := c.flags&C.P2P_SEND_RELIABLE != 0
	if c.target_count == 0 {
		if r.Send(core.ConnID(c.connection), data, reliable) != nil {
			giveBack(c.handle, core.ConnID(c.connection), reliable, len(data)+core.MessageCost)
		}
		return
	}
	targets := unsafe.Slice((*core.ConnID)(unsafe.Pointer(c.targets)), int(c.target_count))
	for _, conn := range r.SendTo(targets, data, reliable) {
		giveBack(c.handle, conn, reliable, len(data)+core.MessageCost)
	}
}

func giveBack(h C.P2P_Handle, conn core.ConnID, reliable bool, cost int) {
	flag := C.uint32_t(0)
	if reliable {
		flag = 1
	}
	C.bridge_sent(h, C.uint32_t(conn), flag, C.uint64_t(cost))
}

func (p *pump) create(c *C.struct_command) {
	s := &sink{handle: c.handle}
	e, err := p.start(c, s)
	if err != nil {
		s.trouble(core.InternalFailed, err.Error(), true)
		return
	}
	p.engines[c.handle] = e
	if p.awake == nil {
		p.awake = make(chan struct{})
		go watchMemory(p.awake)
	}
}

// dispose ends what stands behind a handle, in the background: goodbyes take a
// moment.
func (p *pump) dispose(h C.P2P_Handle) {
	e := p.engines[h]
	delete(p.engines, h)
	if len(p.engines) == 0 && p.awake != nil {
		close(p.awake)
		p.awake = nil
	}
	go func() {
		if e != nil {
			e.Close()
			ended.Add(1)
		}
		C.bridge_closed(h)
	}()
}

func (p *pump) setLevel(level uint64) {
	levels := [...]slog.Level{slog.LevelError + 1, slog.LevelError, slog.LevelWarn, slog.LevelInfo, slog.LevelDebug}
	if level < uint64(len(levels)) {
		p.level.Set(levels[level])
	}
}
