package main

import (
	"io"
	"log/slog"
)

// logging is how the server logs.
type logging struct {
	format string // text or json
	level  string // debug, info, warn or error
}

func (l logging) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level)); err != nil {
		level = slog.LevelDebug // rather too much than too little; the settings allow no other word
	}
	options := &slog.HandlerOptions{Level: level}
	if l.format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
