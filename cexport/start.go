package main

/*
#include "bridge.h"
*/
import "C"

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"unityp2p/core"
)

// start makes what a handle stands for, from the configuration in the command.
func (p *pump) start(c *C.struct_command, s *sink) (engine, error) {
	data := payload(c)
	r := (*C.struct_room_config)(unsafe.Pointer(&data[0]))
	if r.kind == C.KIND_SIGNALING {
		address := net.JoinHostPort(text(data, r.address), port(uint32(r.port)))
		return startSignaling(address, s, p.log), nil
	}
	cfg, err := roomConfig(data, r)
	if err != nil {
		return nil, err
	}
	cfg.Sink, cfg.Logger = s, p.log
	var made room
	if r.kind == C.KIND_SERVER {
		made, err = core.NewHost(cfg)
	} else {
		made, err = core.NewClient(cfg)
	}
	if err != nil {
		return nil, err
	}
	s.room.Store(&made)
	return made, nil
}

func port(number uint32) string {
	if number == C.P2P_ANY_PORT {
		return "0"
	}
	return strconv.FormatUint(uint64(number), 10)
}

// text returns the string at an offset of the payload, "" if there is none.
func text(data []byte, offset C.uint32_t) string {
	if offset == 0 {
		return ""
	}
	s := data[offset:]
	if end := bytes.IndexByte(s, 0); end >= 0 {
		s = s[:end]
	}
	return string(s)
}

func roomConfig(data []byte, r *C.struct_room_config) (core.Config, error) {
	ms := func(n C.uint32_t) time.Duration { return time.Duration(n) * time.Millisecond }
	cfg := core.Config{
		Signaling: text(data, r.signaling_url), Room: text(data, r.room), Token: text(data, r.token),
		TLSPin:   text(data, r.tls_pin),
		Loopback: core.Loopback(r.loopback), Networks: core.Networks(r.networks),
		PortMin: uint16(r.port_min), PortMax: uint16(r.port_max),
		MaxMessage: int(r.max_message), SendBuffer: int(r.send_buffer), ReceiveBuffer: int(r.receive_buffer),
		UnreliableBuffer: int(r.unreliable_buffer), MaxMembers: int(r.max_members),
		UnreachableAfter: ms(r.unreachable_after_ms), DisconnectAfter: ms(r.disconnect_after_ms),
		ConnectTimeout: ms(r.connect_timeout_ms), UnreliableMaxAge: ms(r.unreliable_max_age_ms),
		ViaHost: core.ViaHost(r.via_host), ViaHostRate: int(r.via_host_rate),
	}
	if r.ice_servers == 0 {
		return cfg, nil
	}
	var err error
	cfg.ICEServers, err = iceServers(text(data, r.ice_servers))
	return cfg, err
}

// iceServers reads one server a line: URL, or URL, username and credential.
func iceServers(lines string) ([]core.ICEServer, error) {
	servers := []core.ICEServer{}
	for line := range strings.Lines(lines) {
		switch f := strings.Fields(line); len(f) {
		case 0:
		case 1:
			servers = append(servers, core.ICEServer{URL: f[0]})
		case 3:
			servers = append(servers, core.ICEServer{URL: f[0], Username: f[1], Credential: f[2]})
		default:
			return nil, fmt.Errorf("the ICE server %q needs either no credentials, or a username and a credential", f[0])
		}
	}
	return servers, nil
}
