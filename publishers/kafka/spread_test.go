package kafka_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kmsg"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
)

// TestABrokerThatIsSilentHoldsNobodyElse is why each leader has a lane of its own.
func TestABrokerThatIsSilentHoldsNobodyElse(t *testing.T) {
	t.Parallel()
	const other = "job.parsing.error"
	f := startFake(t, 2, []string{topic, other})
	for partition := range int32(4) {
		for node, name := range []string{topic, other} {
			if err := f.MoveTopicPartition(name, partition, int32(node)); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := openReady(t, f.publisherOptions([]string{topic, other}, func(o *kafka.Options) { o.AckTimeout = patience }))
	f.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		f.KeepControl()
		return nil, nil, f.CurrentNode() == 0 // handled, and never answered
	})
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	waiting.Go(func() { wantKind(t, p.Publish(ctx, events("stuck", 2)), bridge.KindTimeout) })
	for i := range 5 {
		msgs := events(fmt.Sprint("well", i), 3)
		for m := range msgs {
			msgs[m].Topic = other
		}
		mustPublish(t, p, msgs)
	}
	cancel()
	waiting.Wait()
	f.net.set(refusing) // lets go of the request that waits, so that Close need not
}

func TestMessagesWithoutAKeyAreSpread(t *testing.T) {
	t.Parallel()
	f := startFake(t, 3, topics())
	p := openReady(t, f.publisherOptions(topics()))
	const calls, each = 40, 10
	for call := range calls {
		msgs := events(fmt.Sprint("call", call), each)
		for i := range msgs {
			msgs[i].Key, msgs[i].Value = "", make([]byte, 8<<10)
		}
		mustPublish(t, p, msgs)
	}
	perPartition := make(map[int32]int)
	for _, r := range read(t, f.ListenAddrs(), topic) {
		perPartition[r.Partition]++
	}
	for partition := range int32(4) {
		if n := perPartition[partition]; n < calls*each/20 {
			t.Errorf("partition %d has %d messages of %d: %v", partition, n, calls*each, perPartition)
		}
	}
}

func TestMetricsTellOfCommitsAndOfTheConnection(t *testing.T) {
	t.Parallel()
	f := startFake(t, 1, topics())
	registry := prometheus.NewRegistry()
	p := openReady(t, f.publisherOptions(topics(), func(o *kafka.Options) { o.Metrics = registry }))
	mustPublish(t, p, events("a", 3))
	values := gather(t, registry)
	for name, want := range map[string]float64{
		"hrbridge_commit_messages": 3, "hrbridge_broker_connected": 1, "hrbridge_broker_reconnects_total": 0,
	} {
		if values[name] != want {
			t.Errorf("%s is %v; want %v", name, values[name], want)
		}
	}
	if values["hrbridge_commit_duration_seconds"] <= 0 {
		t.Error("the commit took no time")
	}
	f.net.set(refusing)
	eventually(t, func() error {
		if gather(t, registry)["hrbridge_broker_connected"] != 0 {
			return fmt.Errorf("still connected")
		}
		return nil
	})
	f.net.set(passing)
	eventually(t, func() error {
		if v := gather(t, registry); v["hrbridge_broker_connected"] != 1 || v["hrbridge_broker_reconnects_total"] != 1 {
			return fmt.Errorf("not connected again: %v", v)
		}
		return nil
	})
}

// gather returns the values of gauges and counters, and the sums of histograms.
func gather(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, family := range families {
		m := family.GetMetric()[0]
		values[family.GetName()] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetHistogram().GetSampleSum()
	}
	return values
}

// TestAnIdleBrokerThatGoesIsNoticed has nobody publish, and readiness tell all the same.
func TestAnIdleBrokerThatGoesIsNoticed(t *testing.T) {
	t.Parallel()
	f := startFake(t, 1, topics())
	p := openReady(t, f.publisherOptions(topics()))
	f.net.set(refusing)
	eventually(t, func() error {
		if p.Ready(context.Background()) == nil {
			return fmt.Errorf("ready without a broker")
		}
		return nil
	})
	f.net.set(passing)
	start := time.Now()
	eventually(t, func() error { return p.Ready(context.Background()) })
	t.Logf("ready again after %v", time.Since(start))
}
