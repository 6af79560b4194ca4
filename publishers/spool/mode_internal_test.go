package spool

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hrbridge/bridge"
)

// The mode is tested from inside, because its moments are too short to be met from outside.

func newMode() *mode { return &mode{wake: func() {}} }

func yes() bool { return true }

func TestTheWayIsNotStraightWhileSomebodyIsInside(t *testing.T) {
	t.Parallel()
	m := newMode()
	if straight, err := m.enter(t.Context()); straight || err != nil {
		t.Fatalf("entered: straight %v, %v", straight, err)
	}
	m.join()
	for range 2 {
		if m.finish(yes) || m.isStraight() {
			t.Error("straight with somebody inside")
		}
		m.leave()
	}
	if m.finish(func() bool { return false }) || m.isStraight() {
		t.Error("straight with something left")
	}
	if !m.finish(yes) || !m.isStraight() {
		t.Error("not straight although nobody is inside and nothing is left")
	}
	if m.finish(yes) {
		t.Error("finished twice")
	}
	if !m.divert() || m.isStraight() || m.divert() {
		t.Error("diverting is not told apart")
	}
}

func TestTheGateHoldsCallsUntilTheWayIsStraight(t *testing.T) {
	t.Parallel()
	m := newMode()
	m.close(0)
	m.close(0)
	var straight atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			ok, err := m.enter(context.Background())
			if err != nil {
				t.Error(err)
			}
			if ok {
				straight.Add(1)
			}
		})
	}
	m.finish(yes)
	m.open()
	m.open()
	all.Wait()
	if straight.Load() != 8 {
		t.Errorf("%d of 8 calls went straight through", straight.Load())
	}
}

func TestTheGateHoldsNobodyForLong(t *testing.T) {
	t.Parallel()
	m := newMode()
	m.close(0)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if _, err := m.enter(ctx); bridge.KindOf(err) != bridge.KindTimeout {
		t.Errorf("a caller who gave up: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), leastGatePatience)
	defer cancel()
	if straight, err := m.enter(ctx); straight || err != nil || ctx.Err() != nil {
		t.Errorf("a caller who has no longer than the patience: straight %v, %v, %v", straight, err, ctx.Err())
	}
	if straight, err := m.enter(t.Context()); straight || err != nil {
		t.Errorf("a patient caller: straight %v, %v", straight, err)
	}
	if m.finish(yes) {
		t.Error("finished with a caller inside")
	}
}

func TestWhatComesInStaysBehindWhatGetsOut(t *testing.T) {
	t.Parallel()
	var f flow
	f.in(t.Context(), 100<<20) // nothing gets out: nobody waits
	f.stop()
	f.out(1000)
	f.in(t.Context(), 10_000) // more than there is credit for, once
	waits := make(chan struct{})
	go func() {
		defer close(waits)
		f.in(context.Background(), 1)
	}()
	f.out(30_000)
	<-waits
	f.out(1 << 40)
	if f.credit != maxCredit {
		t.Errorf("the credit is %d", f.credit)
	}
	f.in(t.Context(), 1<<40)
	if f.credit != -maxCredit {
		t.Errorf("the debt is %d", f.credit)
	}
	f.in(t.Context(), 1) // nobody is starved
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.in(ctx, 1)
}
