package embedded

import (
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// This is internal because no test from outside can make the server talk at will.
func TestTheServersWarningsAreLoggedAndDoNotFloodTheLog(t *testing.T) {
	t.Parallel()
	core, seen := observer.New(zap.DebugLevel)
	l := newServerLog(zap.New(core), brokerName)
	l.Noticef("listening")
	l.Debugf("debug")
	l.Tracef("trace")
	for n := range 1000 {
		l.Warnf("slow consumer %d", n)
	}
	if seen.Len() != logBurst {
		t.Errorf("%d lines, want %d", seen.Len(), logBurst)
	}
	if said := seen.All()[0].ContextMap()["said"]; said != "slow consumer 0" {
		t.Errorf("said %q", said)
	}
	if l.fatal() != "" {
		t.Errorf("fatal %q", l.fatal())
	}
	l.Fatalf("no store: %s", "gone")
	l.Fatalf("and more")
	if l.fatal() != "no store: gone" {
		t.Errorf("fatal %q", l.fatal())
	}
}
