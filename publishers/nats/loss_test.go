package nats_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hrbridge/publishers/nats"
)

// A broker that lost what it acknowledged does not say so. The publisher does, with the extent, once.
func TestALossOfTheBrokersIsNamedWithItsExtent(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		loses func(t *testing.T, b *broker)
		says  string
		count float64
	}{
		"the store is empty": {func(t *testing.T, b *broker) {
			if err := os.RemoveAll(b.options.StoreDir); err != nil {
				t.Error(err)
			}
		}, "the broker has lost the stream", 5},
		"nothing is lost": {func(*testing.T, *broker) {}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			modes(t, func(t *testing.T, commit func(*nats.Options)) {
				b := startBroker(t, nil)
				logged, logs := observer.New(zap.ErrorLevel)
				metrics := prometheus.NewRegistry()
				p := openReady(t, b.publisherOptions(commit, func(o *nats.Options) { o.Log, o.Metrics = zap.New(logged), metrics }))
				if err := p.Publish(t.Context(), events("before", 5)); err != nil {
					t.Fatal(err)
				}
				b.restart(p, func() { row.loses(t, b) })
				eventually(t, func() error { return p.Ready(context.Background()) })
				if err := p.Publish(t.Context(), events("after", 2)); err != nil {
					t.Fatal(err)
				}
				b.restart(p, func() {})
				eventually(t, func() error { return p.Ready(context.Background()) })
				checkSaid(t, logs, row.says, 5)
				if got := lostMessages(t, metrics); got != row.count {
					t.Errorf("it counts %v messages as lost; want %v", got, row.count)
				}
			})
		})
	}
}

func TestALostEndOfTheStreamIsNamedWithItsExtent(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	logged, logs := observer.New(zap.ErrorLevel)
	p := openReady(t, b.publisherOptions(func(o *nats.Options) { o.Log = zap.New(logged) }))
	if err := p.Publish(t.Context(), events("kept", 3)); err != nil {
		t.Fatal(err)
	}
	kept := t.TempDir()
	b.restart(p, func() {
		if err := os.CopyFS(kept, os.DirFS(b.options.StoreDir)); err != nil {
			t.Error(err)
		}
	})
	eventually(t, func() error { return p.Ready(context.Background()) })
	if err := p.Publish(t.Context(), events("lost", 4)); err != nil {
		t.Fatal(err)
	}
	b.restart(p, func() { b.options.StoreDir = kept }) // as after a power cut: what was not synced is gone
	eventually(t, func() error { return p.Ready(context.Background()) })
	checkSaid(t, logs, "the broker has lost the end of the stream", 7)
}

func TestWhatIsPurgedOrTooOldIsNoLoss(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	logged, logs := observer.New(zap.ErrorLevel)
	p := openReady(t, b.publisherOptions(func(o *nats.Options) {
		o.Log, o.Stream.MaxAge, o.Stream.DuplicateWindow = zap.New(logged), 200*time.Millisecond, 100*time.Millisecond
	}))
	if err := p.Publish(t.Context(), events("old", 3)); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return gone(b.client()) })
	b.restart(p, func() {})
	eventually(t, func() error { return p.Ready(context.Background()) })
	checkSaid(t, logs, "", 0)
}

// gone returns an error while the stream has messages.
func gone(js jetstream.JetStream) error {
	s, err := js.Stream(context.Background(), "EVENTS")
	if err != nil {
		return err
	}
	if n := s.CachedInfo().State.Msgs; n > 0 {
		return fmt.Errorf("%d messages are still there", n)
	}
	return nil
}

// checkSaid looks for the one line about a loss, or for none.
func checkSaid(t *testing.T, logs *observer.ObservedLogs, says string, upTo uint64) {
	t.Helper()
	lines := logs.FilterFieldKey("acknowledged_up_to").All()
	if says == "" {
		if len(lines) > 0 {
			t.Errorf("a loss that was none: %v", lines)
		}
		return
	}
	if len(lines) != 1 || len(lines[0].Message) < len(says) || lines[0].Message[:len(says)] != says || lines[0].ContextMap()["acknowledged_up_to"] != upTo {
		t.Errorf("it says %v; want %q up to %d", lines, says, upTo)
	}
}

func lostMessages(t *testing.T, metrics prometheus.Gatherer) float64 {
	t.Helper()
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "hrbridge_broker_lost_messages_total" {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return -1
}
