package kafka_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
)

func TestABrokerAbsentAtStartIsWaitedFor(t *testing.T) {
	t.Parallel()
	f := startFake(t, 1, topics())
	f.net.set(refusing)
	logged, logs := observer.New(zap.InfoLevel)
	p := open(t, f.publisherOptions(topics(), func(o *kafka.Options) { o.Log = zap.New(logged) }))
	wantKind(t, p.Ready(t.Context()), bridge.KindUnavailable)
	start := time.Now()
	wantKind(t, p.Publish(t.Context(), events("early", 3)), bridge.KindUnavailable)
	if took := time.Since(start); took > time.Second {
		t.Errorf("it took %v to say that there is no broker", took)
	}
	time.Sleep(2 * time.Second) // several attempts fail
	f.net.set(passing)
	eventually(t, func() error { return p.Ready(context.Background()) })
	mustPublish(t, p, events("late", 3))
	wantIDs(t, f.ListenAddrs(), "late-0", "late-1", "late-2")
	if n := logs.Len(); n > 4 {
		t.Errorf("%d lines about one outage: %v", n, logs.All())
	}
}

func TestABlackHoleReturnsSoonAfterTheContextEnds(t *testing.T) {
	t.Parallel()
	f := startFake(t, 1, topics())
	p := openReady(t, f.publisherOptions(topics(), func(o *kafka.Options) { o.DialTimeout, o.AckTimeout = time.Second, 2*time.Second }))
	mustPublish(t, p, events("before", 2))
	f.net.set(swallowing)
	var callers sync.WaitGroup
	for c := range 8 {
		callers.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			start := time.Now()
			err := p.Publish(ctx, events(fmt.Sprint("hole", c), 3))
			if !bridge.KindOf(err).Retryable() {
				t.Errorf("the error is %v", err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it returned after %v", took)
			}
		})
	}
	callers.Wait()
	eventually(t, func() error {
		if p.Ready(context.Background()) == nil {
			return fmt.Errorf("ready, though nobody answers")
		}
		return nil
	})
	f.net.set(passing)
	eventually(t, func() error { return p.Ready(context.Background()) })
	mustPublish(t, p, events("after", 2))
}

// TestTheOrderOfAKeyIsKeptWhileLeadersMove publishes several keys one call after the other.
func TestTheOrderOfAKeyIsKeptWhileLeadersMove(t *testing.T) {
	t.Parallel()
	f := startFake(t, 3, topics())
	p := openReady(t, f.publisherOptions(topics()))
	const callers, calls = 6, 30
	var done atomic.Int64
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for call := range calls {
				msgs := events(fmt.Sprintf("%d", c), 3)
				for i := range msgs {
					msgs[i].ID = fmt.Sprintf("%d-%d", c, call*len(msgs)+i)
				}
				mustPublish(t, p, msgs)
				if done.Add(1)%10 == 0 {
					f.ShufflePartitionLeaders()
				}
			}
		})
	}
	all.Wait()
	next := make(map[string]int)
	for _, m := range messages(t, read(t, f.ListenAddrs(), topic)) {
		if want := fmt.Sprintf("%s-%d", m.Key, next[m.Key]); m.ID != want {
			t.Fatalf("%s is stored where %s should be", m.ID, want)
		}
		next[m.Key]++
	}
	for c := range callers {
		if n := next[fmt.Sprint(c)]; n != calls*3 {
			t.Errorf("key %d has %d messages; want %d", c, n, calls*3)
		}
	}
}

// TestALeaderThatMovedIsFollowedSoon holds what kafka.Writer does not: it goes on for seconds with what it knew.
func TestALeaderThatMovedIsFollowedSoon(t *testing.T) {
	t.Parallel()
	f := startFake(t, 2, topics())
	p := openReady(t, f.publisherOptions(topics()))
	mustPublish(t, p, events("a", 1))
	for round := range 4 {
		for partition := range int32(4) {
			if err := f.MoveTopicPartition(topic, partition, int32(round%2)); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if err := p.Publish(ctx, events(fmt.Sprint("round", round), 4)); err != nil {
			t.Errorf("after move %d: %v", round, err)
		}
		cancel()
	}
	if err := p.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWhatTheClusterRefusesSaysWhatHelps(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		code *kerr.Error
		kind bridge.Kind
		says string
	}{
		"no right to write":          {kerr.TopicAuthorizationFailed, bridge.KindRefused, "grant the user WRITE"},
		"no right to be idempotent":  {kerr.ClusterAuthorizationFailed, bridge.KindRefused, "IDEMPOTENT_WRITE"},
		"a message without a key":    {kerr.InvalidRecord, bridge.KindRefused, "cleanup.policy"},
		"a message that is too old":  {kerr.InvalidTimestamp, bridge.KindRefused, "message.timestamp.before.max.ms"},
		"a name that is none":        {kerr.InvalidTopicException, bridge.KindRefused, ""},
		"too few replicas, for long": {kerr.NotEnoughReplicas, bridge.KindUnavailable, "min.insync.replicas"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFake(t, 1, topics())
			p := openReady(t, f.publisherOptions(topics(), func(o *kafka.Options) { o.AckTimeout = 1500 * time.Millisecond }))
			fault := f.Fault(produceFault(row.code, -1))
			err := p.Publish(t.Context(), events("a", 2))
			wantKind(t, err, row.kind)
			wantText(t, err, row.says)
			wantKind(t, p.Ready(t.Context()), row.kind)
			fault.Remove()
			mustPublish(t, p, events("b", 2))
		})
	}
}

// TestOnePartitionInTroubleDoesNotHoldTheOthers has callers of healthy topics answered while another has too few replicas.
func TestOnePartitionInTroubleDoesNotHoldTheOthers(t *testing.T) {
	t.Parallel()
	f := startFake(t, 1, []string{topic, "job.parsing.error"})
	p := openReady(t, f.publisherOptions([]string{topic, "job.parsing.error"}, func(o *kafka.Options) { o.AckTimeout = 20 * time.Second }))
	sick := produceFault(kerr.NotEnoughReplicas, -1)
	sick.Topic = "job.parsing.error"
	f.Fault(sick)
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	waiting.Go(func() {
		msgs := events("sick", 2)
		for i := range msgs {
			msgs[i].Topic = sick.Topic
		}
		err := p.Publish(ctx, msgs)
		if !bridge.KindOf(err).Retryable() {
			t.Errorf("the error is %v", err)
		}
		wantText(t, err, "min.insync.replicas")
	})
	healthy, end := context.WithTimeout(t.Context(), 10*time.Second)
	for i := range 20 {
		if err := p.Publish(healthy, events(fmt.Sprint("well", i), 2)); err != nil {
			t.Fatal(err)
		}
	}
	end()
	cancel()
	waiting.Wait()
}
