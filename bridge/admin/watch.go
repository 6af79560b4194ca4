package admin

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

// Changes of readiness are looked for every watchInterval. A part that flaps gets changesAtOnce log lines and then one each
// changeInterval: the log stays legible, and its last line is at most changeInterval behind the truth.
const (
	watchInterval  = 250 * time.Millisecond
	changesAtOnce  = 10
	changeInterval = 10 * time.Second
)

// Watch logs each change of readiness, with the reasons, until ctx ends.
func (s *Server) Watch(ctx context.Context) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	lines := rate.NewLimiter(rate.Every(changeInterval), changesAtOnce)
	var logged string
	for {
		now := s.readiness(ctx)
		if ctx.Err() != nil {
			return
		}
		if line := now.line(); line != logged && lines.Allow() {
			logged = line
			s.logChange(now, line)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Server) logChange(now readiness, line string) {
	switch now.Status {
	case statusNotReady:
		s.log.Warn("not ready: deliveries may be answered 503", zap.String("reason", line))
		return
	case statusDegraded:
		s.log.Warn("degraded: deliveries are taken; /readyz says why")
		return
	case statusReady, statusDraining:
	}
	s.log.Info(string(now.Status))
}

// line is the readiness as one text that is equal when nothing has changed.
func (r readiness) line() string {
	if r.Status != statusNotReady {
		return string(r.Status)
	}
	var failing []string
	for name, c := range r.Checks {
		if c.Status == "failing" {
			failing = append(failing, name+": "+c.Reason)
		}
	}
	slices.Sort(failing)
	return strings.Join(failing, "; ")
}
