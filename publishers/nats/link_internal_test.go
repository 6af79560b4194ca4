package nats

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// inTime runs test with a link without a connection in a bubble where hours take no time.
func inTime(t *testing.T, test func(*testing.T, *link, *observer.ObservedLogs)) {
	synctest.Test(t, func(t *testing.T) {
		logged, logs := observer.New(zap.InfoLevel)
		nothing := func() {}
		test(t, &link{
			log: zap.New(logged), broken: nothing, back: nothing, since: time.Now(),
			connected: prometheus.NewGauge(prometheus.GaugeOpts{}), reconnects: prometheus.NewCounter(prometheus.CounterOpts{}),
		}, logs)
	})
}

func TestABrokerThatIsAwayForADayIsSomeLines(t *testing.T) {
	inTime(t, func(t *testing.T, l *link, logs *observer.ObservedLogs) {
		l.onBack()
		l.onLost(errors.New("connection reset"))
		for range 24 * 60 * 60 {
			time.Sleep(time.Second)
			l.onAttempt(errors.New("connection refused"))
		}
		if n := logs.Len(); n < 25 || n > 40 {
			t.Errorf("%d lines", n)
		}
		l.onBack()
		if last := logs.All()[logs.Len()-1]; last.Message != "broker back" || last.ContextMap()["after"] != "24h0m0s" {
			t.Errorf("the last line is %v", last)
		}
	})
}

func TestABrokerThatComesAndGoesIsSomeLines(t *testing.T) {
	inTime(t, func(t *testing.T, l *link, logs *observer.ObservedLogs) {
		for range 60 * 60 {
			l.onBack()
			time.Sleep(500 * time.Millisecond)
			l.onError(errors.New("slow consumer"))
			l.onLost(errors.New("connection reset"))
			time.Sleep(500 * time.Millisecond)
		}
		l.onBack()
		if n := logs.Len(); n > 60 {
			t.Errorf("%d lines in an hour", n)
		}
	})
}
