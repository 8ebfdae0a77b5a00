// Package pionlog sends the log lines of pion's packages to log/slog.
package pionlog

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// To returns a factory whose loggers write to log, all at debug level: what
// matters to others we report ourselves, and what pion calls an error is mostly
// the doing of some stranger. Without one pion would print.
func To(log *slog.Logger) logging.LoggerFactory { return factory{log} }

type factory struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (f factory) NewLogger(scope string) logging.LeveledLogger {
	return logger{log: f.log, scope: scope}
}

type logger struct {
	log   *slog.Logger
	scope string
}

func (l logger) write(message string) {
	l.log.Debug(message, "scope", l.scope)
}

func (l logger) writef(format string, args []any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.write(fmt.Sprintf(format, args...))
	}
}

func (logger) Trace(string)                        {}
func (logger) Tracef(string, ...any)               {}
func (logger) Debug(string)                        {}
func (logger) Debugf(string, ...any)               {}
func (logger) Info(string)                         {}
func (logger) Infof(string, ...any)                {}
func (l logger) Warn(message string)               { l.write(message) }
func (l logger) Warnf(format string, args ...any)  { l.writef(format, args) }
func (l logger) Error(message string)              { l.write(message) }
func (l logger) Errorf(format string, args ...any) { l.writef(format, args) }
