package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
	"hrbridge/publishers/kafka/kafkatest"
)

// TestBrokersOfARealClusterComeAndGoUnderLoad kills a leader, brings it back, and takes two of three brokers away, of which
// two must be in sync. Nothing that was acknowledged is lost, doubled or out of its order, and nothing is acknowledged that is
// on one broker alone.
func TestBrokersOfARealClusterComeAndGoUnderLoad(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{Brokers: 3})
	p := openReady(t, optionsFor(c.Brokers(), topics(), func(o *kafka.Options) { o.Topics.Replicas, o.Topics.MinInSync = 3, 2 }))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	acknowledged := make(map[string][]string) // by key
	var calls atomic.Int64
	var callers sync.WaitGroup
	for key := range 8 {
		callers.Go(func() {
			for call := 0; ctx.Err() == nil; call++ {
				msgs := events(fmt.Sprintf("key%d", key), 4)
				for i := range msgs {
					msgs[i].ID = fmt.Sprintf("%s-call%d-%d", msgs[i].Key, call, i)
				}
				within, cancel := context.WithTimeout(ctx, 5*time.Second)
				err := p.Publish(within, msgs)
				cancel()
				if err != nil {
					if ctx.Err() == nil && !bridge.KindOf(err).Retryable() {
						t.Errorf("an error that does not allow to retry: %v", err)
					}
					time.Sleep(10 * time.Millisecond)
					continue
				}
				calls.Add(1)
				mu.Lock()
				for i := range msgs {
					acknowledged[msgs[i].Key] = append(acknowledged[msgs[i].Key], msgs[i].ID)
				}
				mu.Unlock()
			}
		})
	}
	more := func() {
		t.Helper()
		before := calls.Load()
		start := time.Now()
		eventually(t, func() error {
			if n := calls.Load() - before; n < 50 {
				return fmt.Errorf("%d calls acknowledged: %w", n, errors.Join(p.Ready(ctx)))
			}
			return nil
		})
		t.Logf("50 calls more after %v", time.Since(start))
	}
	more()
	leader := c.Leader(t, topic, 0)
	c.Kill(t, leader)
	more()
	c.StartBroker(t, leader)
	more()
	c.StopBroker(t, leader, (leader+1)%3)
	eventually(t, func() error {
		if p.Ready(ctx) == nil {
			return fmt.Errorf("ready with one of three brokers")
		}
		return nil
	})
	before := calls.Load()
	time.Sleep(time.Second)
	if n := calls.Load() - before; n > 0 {
		t.Errorf("%d calls acknowledged by one broker of three", n)
	}
	c.StartBroker(t, leader, (leader+1)%3)
	more()
	eventually(t, func() error { return p.Ready(ctx) })
	stop()
	callers.Wait()
	var all []string
	next := make(map[string]int)
	for _, ids := range acknowledged {
		all = append(all, ids...)
	}
	records := read(t, c.Brokers(), topic)
	wantOnceOf(t, records, all)
	for _, m := range messages(t, records) {
		if ids := acknowledged[m.Key]; next[m.Key] < len(ids) && ids[next[m.Key]] == m.ID {
			next[m.Key]++
		}
	}
	for key, ids := range acknowledged {
		if next[key] != len(ids) {
			t.Errorf("%s is out of order at %d of %d", key, next[key], len(ids))
		}
	}
}
