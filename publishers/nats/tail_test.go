package nats_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
)

// follower is a Tail that runs beside the test.
type follower struct {
	cancel context.CancelFunc
	done   chan error

	mu      sync.Mutex
	records []bridge.Record
}

func follow(t testing.TB, b *broker, change func(*nats.TailOptions)) *follower {
	ctx, cancel := context.WithCancel(context.Background())
	f := &follower{cancel: cancel, done: make(chan error, 1)}
	o := nats.TailOptions{URL: b.url(), Name: "test", Stream: "EVENTS"}
	if change != nil {
		change(&o)
	}
	go func() {
		f.done <- nats.Tail(ctx, o, func(r bridge.Record) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.records = append(f.records, r)
			return nil
		})
	}()
	t.Cleanup(cancel)
	return f
}

func (f *follower) ids() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for _, r := range f.records {
		ids = append(ids, r.Message.ID)
	}
	return ids
}

func (f *follower) wait(t testing.TB, want ...string) {
	t.Helper()
	eventually(t, func() error {
		if got := f.ids(); !slices.Equal(got, want) {
			return fmt.Errorf("got %v, want %v", got, want)
		}
		return nil
	})
}

// end ends the follower and checks that it ended well.
func (f *follower) end(t testing.TB) {
	t.Helper()
	f.cancel()
	if err := <-f.done; err != nil {
		t.Errorf("the end of the context is an error: %v", err)
	}
}

// watched waits until the follower has its consumer.
func watched(t testing.TB, b *broker) {
	t.Helper()
	js := b.client()
	eventually(t, func() error {
		s, err := js.Stream(context.Background(), "EVENTS")
		if err != nil {
			return err
		}
		if n := s.CachedInfo().State.Consumers; n != 1 {
			return fmt.Errorf("%d consumers", n)
		}
		return nil
	})
}

func TestTailReadsWhatWasPublishedBack(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	p := openReady(t, b.publisherOptions())
	want := []bridge.Message{
		event("plain"),
		event("odd key", func(m *bridge.Message) { m.Key = "Zoë \"50%\"\n" }),
		event("letter", func(m *bridge.Message) {
			m.Topic, m.Key, m.Type, m.Value = "dead.letter", "", bridge.DeadLetterType, []byte("\x00\xff not JSON\r\n")
			m.Headers = []bridge.Header{{Name: bridge.HeaderReason, Value: string(bridge.ReasonNoType)}, {Name: bridge.HeaderTraceparent, Value: "00-ab-cd-01"}}
		}),
	}
	if err := p.Publish(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	f := follow(t, b, func(o *nats.TailOptions) { o.From.Start = true })
	f.wait(t, "plain", "odd key", "letter")
	for i, r := range f.records {
		if diff := cmp.Diff(want[i], r.Message); diff != "" {
			t.Error(diff)
		}
		if r.Sequence != uint64(i+1) || time.Since(r.Stored) > time.Minute {
			t.Errorf("record %d has sequence %d and was stored at %v", i, r.Sequence, r.Stored)
		}
	}
	f.end(t)
}

func TestTailBeginsWhereItIsTold(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	p := openReady(t, b.publisherOptions())
	publish := func(msgs ...bridge.Message) {
		t.Helper()
		if err := p.Publish(context.Background(), msgs); err != nil {
			t.Fatal(err)
		}
	}
	other := func(m *bridge.Message) { m.Topic = "job.parsing.success" }
	publish(event("old"), event("old-job", other))
	time.Sleep(20 * time.Millisecond)
	since := time.Now()
	publish(event("new"), event("new-job", other))
	rows := map[string]struct {
		change func(*nats.TailOptions)
		want   []string
	}{
		"now":              {nil, []string{"coming", "coming-job"}},
		"start":            {func(o *nats.TailOptions) { o.From.Start = true }, []string{"old", "old-job", "new", "new-job", "coming", "coming-job"}},
		"since":            {func(o *nats.TailOptions) { o.From.Since = since }, []string{"new", "new-job", "coming", "coming-job"}},
		"start, one topic": {func(o *nats.TailOptions) { o.From.Start, o.Topics = true, []string{"profile.*.*", "dead.letter"} }, []string{"old", "new", "coming"}},
	}
	followers := map[string]*follower{}
	for name, row := range rows {
		followers[name] = follow(t, b, row.change)
	}
	js := b.client()
	eventually(t, func() error {
		s, _ := js.Stream(context.Background(), "EVENTS")
		if n := s.CachedInfo().State.Consumers; n != len(rows) {
			return fmt.Errorf("%d consumers", n)
		}
		return nil
	})
	publish(event("coming"), event("coming-job", other))
	for name, f := range followers {
		f.wait(t, rows[name].want...)
		f.end(t)
	}
	s, err := js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Consumers; n != 0 {
		t.Errorf("%d consumers are left behind", n)
	}
}

func TestTailGoesOnAfterARestartWithoutRepeating(t *testing.T) {
	t.Parallel()
	for name, first := range map[string][]string{"after some records": {"before-0", "before-1"}, "before the first record": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t, nil)
			p := openReady(t, b.publisherOptions())
			if err := p.Publish(t.Context(), events("history", 5)); err != nil {
				t.Fatal(err)
			}
			f := follow(t, b, nil)
			watched(t, b)
			if err := p.Publish(t.Context(), events("before", len(first))); err != nil {
				t.Fatal(err)
			}
			f.wait(t, first...)
			b.stop()
			b.start()
			eventually(t, func() error { return p.Publish(context.Background(), events("after", 2)) })
			f.wait(t, append(first, "after-0", "after-1")...)
			f.end(t)
		})
	}
}

func TestTailEndsWithTheErrorOfItsCallback(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	p := openReady(t, b.publisherOptions())
	if err := p.Publish(t.Context(), events("many", 5)); err != nil {
		t.Fatal(err)
	}
	enough, calls := errors.New("enough"), 0
	err := nats.Tail(t.Context(), nats.TailOptions{URL: b.url(), Stream: "EVENTS", Reading: bridge.Reading{From: bridge.From{Start: true}}}, func(bridge.Record) error {
		calls++
		if calls == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || calls != 2 {
		t.Errorf("it ended with %v after %d records", err, calls)
	}
}

func TestTailDoesNotWaitForWhatIsNotThere(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	none := func(bridge.Record) error { return nil }
	wantKind(t, nats.Tail(t.Context(), nats.TailOptions{URL: "nats://127.0.0.1:1", Stream: "EVENTS"}, none), bridge.KindUnavailable)
	wantKind(t, nats.Tail(t.Context(), nats.TailOptions{URL: b.url(), Stream: "EVENTS"}, none), bridge.KindRefused)
}

func TestTailToTheEndEndsAfterTheLastRecord(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	p := openReady(t, b.publisherOptions())
	read := func(topics ...string) (ids []string) {
		t.Helper()
		reading := bridge.Reading{Topics: topics, From: bridge.From{Start: true}, ToEnd: true}
		err := nats.Tail(t.Context(), nats.TailOptions{URL: b.url(), Stream: "EVENTS", Reading: reading}, func(r bridge.Record) error {
			ids = append(ids, r.Message.ID)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		return ids
	}
	if ids := read(); ids != nil {
		t.Errorf("an empty stream holds %v", ids)
	}
	letter := event("letter", func(m *bridge.Message) { m.Topic = "dead.letter" })
	if err := p.Publish(t.Context(), []bridge.Message{event("one"), letter, event("two")}); err != nil {
		t.Fatal(err)
	}
	if ids := read(); !slices.Equal(ids, []string{"one", "letter", "two"}) {
		t.Errorf("read %v", ids)
	}
	if ids := read("dead.letter"); !slices.Equal(ids, []string{"letter"}) {
		t.Errorf("read %v", ids)
	}
	if ids := read("job.*.*"); ids != nil {
		t.Errorf("read %v", ids)
	}
}
