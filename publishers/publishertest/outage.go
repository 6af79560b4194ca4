package publishertest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hrbridge/bridge"
)

func stopped(t *testing.T, h Harness) {
	if h.Stop == nil {
		t.Skip("the harness cannot stop its broker")
	}
	l := open(t, h)
	l.mustPublish(l.messages("before", 3))
	h.Stop(t)
	started := sync.OnceFunc(func() { h.Start(t) })
	defer started()
	if h.Spools {
		l.mustPublish(l.messages("without", 3))
		waitReady(t, l.p)
		started()
		l.mustPublish(l.messages("after", 3))
		l.check()
		return
	}
	for _, within := range []time.Duration{50 * time.Millisecond, time.Second} {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		begin := time.Now()
		err := l.publish(ctx, l.messages("without", 3))
		cancel()
		if !bridge.KindOf(err).Retryable() {
			t.Errorf("got %v, want an error that allows to retry", err)
		}
		if took := time.Since(begin); took > within+soon {
			t.Errorf("took %v with a context of %v", took, within)
		}
	}
	if l.p.Ready(t.Context()) == nil {
		t.Error("ready without a broker")
	}
	started()
	waitReady(t, l.p)
	l.mustPublish(l.messages("after", 3))
	l.check()
}

// outage stops and starts the broker twice under the load of senders that retry.
func outage(t *testing.T, h Harness) {
	if h.Stop == nil {
		t.Skip("the harness cannot stop its broker")
	}
	l := open(t, h)
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	var calls atomic.Int64
	var enough atomic.Bool
	var callers sync.WaitGroup
	for c := range 12 {
		callers.Go(func() {
			for !enough.Load() && ctx.Err() == nil {
				l.persist(ctx, l.messages(fmt.Sprint("caller ", c), 9))
				calls.Add(1)
			}
		})
	}
	more := func(n int64) { // waits until as many calls more were acknowledged
		for target := calls.Load() + n; calls.Load() < target && ctx.Err() == nil; {
			time.Sleep(time.Millisecond)
		}
	}
	for range 2 {
		more(50)
		h.Stop(t)
		h.Start(t)
	}
	more(50)
	enough.Store(true)
	callers.Wait()
	l.check()
}
