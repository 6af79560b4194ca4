package ingress

import (
	"errors"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	// The first linesOfOne lines of one failure are logged in each linesWindow, and all others are only counted.
	linesOfOne  = 10
	linesWindow = 10 * time.Second
)

// journal writes the log: a line for each delivery, repeats of one failure left out. Nothing of a request gets in but its
// request id.
type journal struct {
	all     *zap.Logger
	limited *zap.Logger
}

func newJournal(logger *zap.Logger, dropped prometheus.Counter) *journal {
	count := func(_ zapcore.Entry, made zapcore.SamplingDecision) {
		if made&zapcore.LogDropped != 0 {
			dropped.Inc()
		}
	}
	return &journal{all: logger, limited: logger.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, linesWindow, linesOfOne, 0, zapcore.SamplerHook(count))
	}))}
}

// record logs one request. The message names the cause of a refusal, since repeats are told by the message.
func (j *journal) record(r *refusal, fields []zap.Field) {
	if r == nil {
		j.all.Info("delivery published", fields...)
		return
	}
	fields = append(fields, zap.Int("status", r.cause.status), zap.String("reason", r.cause.name))
	if r.err != nil {
		fields = append(fields, zap.Error(r.err))
	}
	if fault, ok := errors.AsType[*crash](r.err); ok {
		fields = append(fields, zap.ByteString("stack", fault.stack))
	}
	level := zapcore.WarnLevel
	if r.cause == causeInternal {
		level = zapcore.ErrorLevel
	}
	j.limited.Log(level, "delivery refused: "+r.cause.name, fields...)
}

// Write takes the lines that net/http logs. They can quote what was sent, so all that is kept of one is what it is about.
func (j *journal) Write(line []byte) (int, error) {
	about := "something else"
	for _, known := range [...]string{"Accept error", "panic serving", "superfluous response.WriteHeader", "response.Write", "connection hijacked"} {
		if strings.Contains(string(line[:min(len(line), 80)]), known) {
			about = known
			break
		}
	}
	j.limited.Warn("the HTTP server reported: " + about)
	return len(line), nil
}
