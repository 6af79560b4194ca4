package spool_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers/spool"
)

func TestABrokerThatIsAwayIsSpooledForAndGetsEverythingInOrder(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	o := options(t)
	p := open(t, b.inner(), o)
	ready(t, p)
	before, during, after := events("before", 3), events("during", 500), events("after", 3)
	publish(t, p, before...)
	drained(t, p) // a slow machine may have spooled those already
	already := metric(t, o, "spooled_total")
	b.stop()
	for i := range during {
		publish(t, p, during[i])
	}
	if err := p.Ready(t.Context()); err != nil {
		t.Errorf("not ready while the spool takes events: %v", err)
	}
	if said := p.Degraded(t.Context()); !strings.Contains(said, "it holds 500 events in ") || !strings.Contains(said, "out of reach") {
		t.Errorf("degraded: %q", said)
	}
	if n := metric(t, o, "events"); n != 500 {
		t.Errorf("the metric says that %v events are spooled", n)
	}
	b.start()
	drained(t, p)
	spooled := already + 500
	for _, name := range []string{"spooled_total", "drained_total"} {
		if got := metric(t, o, name); got != spooled {
			t.Errorf("%s is %v, want %v", name, got, spooled)
		}
	}
	publish(t, p, after...)
	drained(t, p)
	b.wantStored(slices.Concat(before, during, after)...)
	if said := p.Degraded(t.Context()); said != "" {
		t.Errorf("still degraded: %s", said)
	}
	for name, want := range map[string]float64{"lost_total": 0, "events": 0, "records": 0, "bytes": 0, "age_seconds": 0} {
		if got := metric(t, o, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func TestWhatIsSpooledSurvivesARestartAndABrokerThatWasNeverThere(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.stop()
	o := options(t)
	all := events("a", 90)
	for run := range 3 { // each finds what the ones before left
		p, err := spool.Open(t.Context(), b.inner(), o)
		if err != nil {
			t.Fatal(err)
		}
		if n := p.Depth(); n != uint64(30*run) {
			t.Errorf("run %d begins with %d events", run, n)
		}
		for i := 30 * run; i < 30*run+30; i++ {
			publish(t, p, all[i])
		}
		closePublisher(t, p)
	}
	b.start()
	p := open(t, b.inner(), o)
	drained(t, p)
	b.wantStored(all...)
}

// flaky is a publisher that stores some calls and does not say so, and others not at all.
type flaky struct {
	spool.Inner
	calls   atomic.Int64
	trouble func(n int64, call func() error) error
}

func (f *flaky) Publish(ctx context.Context, msgs []bridge.Message) error {
	return f.trouble(f.calls.Add(1), func() error { return f.Inner.Publish(ctx, msgs) })
}

func unavailable() error {
	return &bridge.Error{Kind: bridge.KindUnavailable, Op: "publish", Err: errors.New("away")}
}

func TestACallThatTakesTooLongIsSpooledAndItsRepeatHasTheSameID(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	o := options(t)
	inner := &flaky{Inner: b.inner()}
	release := make(chan struct{})
	inner.trouble = func(n int64, call func() error) error {
		if n > 1 {
			<-release
			return call()
		}
		if err := call(); err != nil { // stored, and nobody hears of it in time
			t.Error(err)
		}
		return &bridge.Error{Kind: bridge.KindTimeout, Op: "publish", Err: errors.New("no answer")}
	}
	p := open(t, inner, o)
	ready(t, inner)
	slow, next := events("slow", 5), events("next", 5)
	publish(t, p, slow...)
	publish(t, p, next...)
	if n := p.Depth(); n != 10 {
		t.Errorf("%d events are spooled, want 10", n)
	}
	close(release)
	drained(t, p)
	b.wantStored(slices.Concat(slow, next)...)
	if n := metric(t, o, "repeats_total"); n != 5 {
		t.Errorf("%v repeats, want 5", n)
	}
}

func TestAStalledBrokerIsCutOffInTime(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.After = 20 * time.Millisecond
	p := open(t, stalled{}, o)
	for _, within := range []time.Duration{patience, 400 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		if err := p.Publish(ctx, events(within.String(), 2)); err != nil {
			t.Errorf("within %v: %v", within, err)
		}
		cancel()
	}
}

// stalled answers nothing until nobody waits any more.
type stalled struct{}

func (stalled) Publish(ctx context.Context, _ []bridge.Message) error {
	<-ctx.Done()
	return &bridge.Error{Kind: bridge.KindTimeout, Op: "publish", Err: ctx.Err()}
}

func (stalled) Ready(context.Context) error { return nil }

func (stalled) Close() error { return nil }

func TestTheOrderOfEveryKeyIsKeptThroughOutagesUnderLoad(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	p := open(t, b.inner(), options(t))
	ready(t, p)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var acknowledged atomic.Int64
	const callers = 16
	counts := make([]int, callers)
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for ctx.Err() == nil {
				msgs := make([]bridge.Message, 1+counts[c]%7)
				for i := range msgs {
					msgs[i] = events(fmt.Sprint("caller", c), 1)[0]
					msgs[i].ID = fmt.Sprintf("caller%d-%d", c, counts[c]+i)
				}
				if err := p.Publish(context.Background(), msgs); err != nil {
					t.Errorf("caller %d: %v", c, err)
					return
				}
				counts[c] += len(msgs)
				acknowledged.Add(int64(len(msgs)))
			}
		})
	}
	more := func(n int64) {
		for target := acknowledged.Load() + n; acknowledged.Load() < target && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
	}
	for range 3 {
		more(500)
		b.stop()
		more(500)
		b.start()
		eventually(t, func() error { // with the load going on
			if !p.Straight() {
				return errors.New("calls do not go straight through again")
			}
			return nil
		})
	}
	more(500)
	stop()
	all.Wait()
	drained(t, p)
	next := make([]int, callers)
	for _, m := range b.stored() {
		var c, n int
		if _, err := fmt.Sscanf(m.ID, "caller%d-%d", &c, &n); err != nil || n != next[c] {
			t.Fatalf("%s is stored where number %d of its key was to come", m.ID, next[c])
		}
		next[c]++
	}
	if !slices.Equal(next, counts) {
		t.Errorf("stored %v, acknowledged %v", next, counts)
	}
}

func TestACrashGivesRepeatsAndNeverALoss(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	o := options(t)
	inner := &flaky{Inner: b.inner()}
	var stored atomic.Bool
	inner.trouble = func(_ int64, call func() error) error {
		if stored.Load() {
			return unavailable()
		}
		if err := unavailableUnlessReady(inner.Inner, call); err != nil {
			return err
		}
		stored.Store(true) // and the bridge dies before it has heard of it
		return unavailable()
	}
	b.stop()
	p, err := spool.Open(t.Context(), inner, o)
	if err != nil {
		t.Fatal(err)
	}
	all := events("a", 40)
	for i := range all {
		publish(t, p, all[i])
	}
	b.start()
	eventually(t, func() error {
		if !stored.Load() {
			return errors.New("nothing is drained")
		}
		return nil
	})
	closePublisher(t, p)
	p = open(t, b.inner(), o)
	drained(t, p)
	b.wantStored(all...)
}

func unavailableUnlessReady(p spool.Inner, call func() error) error {
	if p.Ready(context.Background()) != nil {
		return unavailable()
	}
	return call()
}

func TestAFullSpoolSaysWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.stop()
	o := options(t)
	o.MaxBytes = 1 << 20
	p := open(t, b.inner(), o)
	var spooled []bridge.Message
	var err error
	for i := 0; err == nil && i < 100; i++ {
		m := events(fmt.Sprint(i), 1)[0]
		m.Value = make([]byte, 50_000)
		if err = p.Publish(t.Context(), []bridge.Message{m}); err == nil {
			spooled = append(spooled, m)
		}
	}
	e, ok := errors.AsType[*bridge.Error](err)
	if !ok || e.Kind != bridge.KindFull || e.RetryAfter < time.Second {
		t.Fatalf("after %d messages: %v", len(spooled), err)
	}
	if kind := bridge.KindOf(p.Ready(t.Context())); kind != bridge.KindFull {
		t.Errorf("ready is of kind %v", kind)
	}
	b.start()
	drained(t, p)
	ready(t, p)
	publish(t, p, events("after", 1)...)
	drained(t, p)
	b.wantStored(append(spooled, events("after", 1)...)...)
}

func TestWhatTheBrokerRefusesForWhatItIsGoesBackToTheCaller(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	inner := b.inner()
	p := open(t, inner, options(t))
	ready(t, inner)
	msgs := events("a", 3)
	msgs[1].Value = make([]byte, bridge.MaxMessage+1)
	err := p.Publish(t.Context(), msgs)
	if e, ok := errors.AsType[*bridge.Error](err); !ok || e.Kind != bridge.KindTooLarge || !slices.Equal(e.Indexes, []int{1}) || p.Depth() != 0 {
		t.Errorf("got %v, with %d events spooled", err, p.Depth())
	}
}

func TestASpoolThatIsOffSendsWhatAnEarlierRunLeft(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.stop()
	o := options(t)
	p := open(t, b.inner(), o)
	publish(t, p, events("a", 5)...)
	closePublisher(t, p)
	b.start()
	o.Mode = spool.Off
	inner := b.inner()
	ready(t, inner)
	around, err := spool.Around(t.Context(), inner, o)
	if err != nil {
		t.Fatal(err)
	}
	defer closePublisher(t, around)
	drained(t, around.(*spool.Publisher))
	b.wantStored(events("a", 5)...)
	b.stop()
	eventually(t, func() error {
		if err := around.Publish(context.Background(), events("b", 1)); bridge.KindOf(err) != bridge.KindUnavailable {
			return fmt.Errorf("publish: %w", err)
		}
		return nil
	})
}

func TestASpoolThatIsOffAndEmptyIsNotThere(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	inner := b.inner()
	defer closePublisher(t, inner)
	o := options(t)
	closePublisher(t, open(t, stalled{}, o))
	o.Mode = spool.Off
	for range 2 {
		around, err := spool.Around(t.Context(), inner, o)
		if err != nil || around != spool.Inner(inner) {
			t.Errorf("got %T, %v", around, err)
		}
		o.DataDir = t.TempDir() // where there never was one
	}
}
