package link

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// loggerFactory sends pion's log lines to ours, all of them at debug level:
// what matters to a game is reported as events. Without it pion would print.
type loggerFactory struct{ log *slog.Logger }

func (f loggerFactory) NewLogger(scope string) logging.LeveledLogger {
	return pionLogger{log: f.log, scope: scope}
}

type pionLogger struct {
	log   *slog.Logger
	scope string
}

func (l pionLogger) write(message string) {
	l.log.Debug(message, "scope", l.scope)
}

func (l pionLogger) writef(format string, args []any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.write(fmt.Sprintf(format, args...))
	}
}

func (pionLogger) Trace(string)                        {}
func (pionLogger) Tracef(string, ...any)               {}
func (pionLogger) Debug(string)                        {}
func (pionLogger) Debugf(string, ...any)               {}
func (pionLogger) Info(string)                         {}
func (pionLogger) Infof(string, ...any)                {}
func (l pionLogger) Warn(message string)               { l.write(message) }
func (l pionLogger) Warnf(format string, args ...any)  { l.writef(format, args) }
func (l pionLogger) Error(message string)              { l.write(message) }
func (l pionLogger) Errorf(format string, args ...any) { l.writef(format, args) }
