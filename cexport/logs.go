package main

/*
#include "bridge.h"
*/
import "C"

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"unsafe"
)

// logHandler puts log lines into the bridge's ring, in slog's text form without
// time: whoever polls them has a clock.
type logHandler struct {
	level slog.Leveler
	attrs []slog.Attr
}

func newLogHandler(level slog.Leveler) *logHandler { return &logHandler{level: level} }

// Enabled implements slog.Handler.
func (h *logHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

// Handle implements slog.Handler.
func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	var line bytes.Buffer
	line.WriteString(r.Message)
	add := func(a slog.Attr) bool {
		line.WriteString(" " + a.Key + "=" + a.Value.String())
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	text := []byte(strings.ToValidUTF8(line.String(), "?"))
	if len(text) > 0 {
		C.bridge_log(levelNumber(r.Level), (*C.char)(unsafe.Pointer(&text[0])), C.uint32_t(len(text)))
	}
	return nil
}

func levelNumber(l slog.Level) C.uint32_t {
	switch {
	case l >= slog.LevelError:
		return C.P2P_LOG_ERROR
	case l >= slog.LevelWarn:
		return C.P2P_LOG_WARN
	case l >= slog.LevelInfo:
		return C.P2P_LOG_INFO
	}
	return C.P2P_LOG_DEBUG
}

// WithAttrs implements slog.Handler.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	all := append(append([]slog.Attr{}, h.attrs...), attrs...)
	return &logHandler{level: h.level, attrs: all}
}

// WithGroup implements slog.Handler. Groups are not told apart.
func (h *logHandler) WithGroup(string) slog.Handler { return h }
