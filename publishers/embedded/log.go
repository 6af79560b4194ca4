package embedded

import (
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

// What the server may say in the log.
const (
	logEvery = 10 * time.Second
	logBurst = 10
)

// serverLog brings the server's warnings and errors into our log, and keeps what it calls fatal: that is why it did not
// start. The server logs no content.
type serverLog struct {
	log       *zap.Logger
	name      string
	limit     *rate.Limiter
	withheld  atomic.Int64
	fatalText atomic.Pointer[string]
}

func newServerLog(log *zap.Logger, name string) *serverLog {
	return &serverLog{log: log, name: name, limit: rate.NewLimiter(rate.Every(logEvery), logBurst)}
}

// Warnf implements the server's Logger, as do the others.
func (l *serverLog) Warnf(format string, args ...any) { l.say(l.log.Warn, format, args) }

// Errorf is a failure that the server goes on after.
func (l *serverLog) Errorf(format string, args ...any) { l.say(l.log.Error, format, args) }

// Fatalf is the end of the server's start.
func (l *serverLog) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.fatalText.CompareAndSwap(nil, &text)
}

// Noticef, Debugf and Tracef are of no interest to our operator.
func (l *serverLog) Noticef(string, ...any) {}

// Debugf says nothing.
func (l *serverLog) Debugf(string, ...any) {}

// Tracef says nothing: it would show content.
func (l *serverLog) Tracef(string, ...any) {}

func (l *serverLog) say(at func(string, ...zap.Field), format string, args []any) {
	if !l.limit.Allow() {
		l.withheld.Add(1)
		return
	}
	fields := []zap.Field{zap.String("said", fmt.Sprintf(format, args...))}
	if n := l.withheld.Swap(0); n > 0 {
		fields = append(fields, zap.Int64("withheld", n))
	}
	at(l.name, fields...)
}

// fatal is why the server did not start, "" where it did.
func (l *serverLog) fatal() string {
	if text := l.fatalText.Load(); text != nil {
		return *text
	}
	return ""
}
