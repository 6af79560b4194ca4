package nats_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
)

func TestAServerAbsentAtStartIsWaitedFor(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, nil)
		b.stop()
		logged, logs := observer.New(zap.InfoLevel)
		p := open(t, b.publisherOptions(commit, func(o *nats.Options) { o.Log = zap.New(logged) }))
		wantKind(t, p.Ready(t.Context()), bridge.KindUnavailable)
		start := time.Now()
		wantKind(t, p.Publish(t.Context(), events("early", 3)), bridge.KindUnavailable)
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("it took %v to say that there is no server", took)
		}
		time.Sleep(2 * time.Second) // several attempts fail
		b.start()
		eventually(t, func() error { return p.Ready(context.Background()) })
		if err := p.Publish(t.Context(), events("late", 3)); err != nil {
			t.Error(err)
		}
		if ids := heldIDs(t, b.client()); !slices.Equal(ids, []string{"late-0", "late-1", "late-2"}) {
			t.Errorf("the stream holds %v", ids)
		}
		if n := logs.Len(); n > 4 {
			t.Errorf("%d lines about one outage: %v", n, logs.All())
		}
	})
}

// TestNothingAcknowledgedIsMissingAfterRestartsUnderLoad holds every nil of Publish against what the stream has at the end.
func TestNothingAcknowledgedIsMissingAfterRestartsUnderLoad(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, func(o *server.Options) { o.SyncAlways = true })
		p := openReady(t, b.publisherOptions(commit))
		ctx, stop := context.WithCancel(t.Context())
		var mu sync.Mutex
		var acknowledged []string
		var callers sync.WaitGroup
		for c := range 8 {
			callers.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					msgs := events(fmt.Sprintf("caller%d-call%d", c, i), 1+i%20)
					if p.Publish(context.Background(), msgs) != nil {
						time.Sleep(5 * time.Millisecond)
						continue
					}
					mu.Lock()
					for _, m := range msgs {
						acknowledged = append(acknowledged, m.ID)
					}
					mu.Unlock()
				}
			})
		}
		for range 3 {
			mu.Lock()
			before := len(acknowledged)
			mu.Unlock()
			eventually(t, func() error {
				mu.Lock()
				defer mu.Unlock()
				if len(acknowledged) < before+200 {
					return fmt.Errorf("only %d acknowledged since the last restart", len(acknowledged)-before)
				}
				return nil
			})
			b.stop()
			b.start()
		}
		eventually(t, func() error { return p.Publish(context.Background(), events("last", 1)) })
		stop()
		callers.Wait()
		stored := map[string]int{}
		for _, m := range readAll(t, b, []string{"profile.>"}) {
			stored[m.ID]++
		}
		for _, id := range acknowledged {
			if stored[id] != 1 {
				t.Fatalf("%s was acknowledged and is there %d times", id, stored[id])
			}
		}
	})
}

func TestADisconnectFailsWhatIsOnItsWayAtOnce(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, nil)
		between := startProxy(t, strings.TrimPrefix(b.url(), "nats://"))
		p := openReady(t, b.publisherOptions(commit, func(o *nats.Options) { o.URL = between.url() }))
		between.let(true, false)
		done := make(chan error, 1)
		go func() { done <- p.Publish(context.Background(), events("stuck", 10)) }()
		eventually(t, func() error {
			if n := len(heldIDs(t, b.client())); n != 10 {
				return fmt.Errorf("%d stored", n)
			}
			return nil
		})
		start := time.Now()
		between.close()
		wantKind(t, <-done, bridge.KindUnavailable)
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %v", took)
		}
		wantKind(t, p.Ready(t.Context()), bridge.KindUnavailable)
	})
}

func TestAServerThatAnswersNothingIsNotReadyUntilItDoes(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, nil)
		between := startProxy(t, strings.TrimPrefix(b.url(), "nats://"))
		p := openReady(t, b.publisherOptions(commit, func(o *nats.Options) { o.URL, o.AckTimeout = between.url(), 1200*time.Millisecond }))
		between.let(true, false)
		wantKind(t, p.Publish(t.Context(), events("unheard", 3)), bridge.KindTimeout)
		wantKind(t, p.Ready(t.Context()), bridge.KindTimeout)
		between.let(true, true)
		eventually(t, func() error { return p.Publish(context.Background(), events("heard", 3)) })
		if err := p.Ready(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestAStalledServerReturnsSoonAfterTheContextEnds(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, nil)
		between := startProxy(t, strings.TrimPrefix(b.url(), "nats://"))
		p := openReady(t, b.publisherOptions(commit, func(o *nats.Options) { o.URL = between.url() }))
		between.let(false, false)
		var callers sync.WaitGroup
		for c := range 8 {
			callers.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
				defer cancel()
				msgs := make([]bridge.Message, 20)
				for i := range msgs {
					msgs[i] = withValue(fmt.Sprintf("%d-%d", c, i), 256<<10)
				}
				start := time.Now()
				err := p.Publish(ctx, msgs)
				if kind := bridge.KindOf(err); kind != bridge.KindTimeout && kind != bridge.KindUnavailable {
					t.Errorf("the error is %v", err)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("it returned after %v", took)
				}
			})
		}
		callers.Wait()
		between.let(true, true)
		eventually(t, func() error { return p.Publish(context.Background(), events("after", 2)) })
	})
}

func TestACancelledContextReturnsPromptly(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, nil)
		between := startProxy(t, strings.TrimPrefix(b.url(), "nats://"))
		p := openReady(t, b.publisherOptions(commit, func(o *nats.Options) { o.URL = between.url() }))
		between.let(true, false)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		start := time.Now()
		wantKind(t, p.Publish(ctx, events("left", 10)), bridge.KindTimeout)
		if took := time.Since(start); took > 500*time.Millisecond {
			t.Errorf("it returned after %v", took)
		}
	})
}

func TestAConnectionThatTheServerEndsForGoodIsMadeAnew(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	between := startProxy(t, strings.TrimPrefix(b.url(), "nats://"))
	p := openReady(t, b.publisherOptions(func(o *nats.Options) { o.URL = between.url() }))
	between.say(t, "-ERR 'Something Nobody Heard Of'\r\n")
	eventually(t, func() error {
		if between.connections() < 2 {
			return fmt.Errorf("no second connection")
		}
		return p.Publish(context.Background(), events("after", 2))
	})
}

func TestACallLargerThanTheWindowGoesInPortions(t *testing.T) {
	t.Parallel()
	for _, window := range []int{1, 3, 16, 4096} {
		t.Run(fmt.Sprint("window of ", window), func(t *testing.T) {
			t.Parallel()
			b := startBroker(t, nil)
			p := openReady(t, b.publisherOptions(func(o *nats.Options) { o.Window = window }))
			var callers sync.WaitGroup
			for c := range 4 {
				callers.Go(func() {
					msgs := events(fmt.Sprint(c), 50)
					msgs[25] = withValue(fmt.Sprint(c, "large"), 900<<10) // more than the whole of a small window
					if err := p.Publish(context.Background(), msgs); err != nil {
						t.Error(err)
					}
				})
			}
			callers.Wait()
			if n := len(heldIDs(t, b.client())); n != 200 {
				t.Errorf("the stream holds %d messages", n)
			}
		})
	}
}

func TestCloseWaitsForCallsUnderWayAndMayBeCalledAgain(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, func(o *server.Options) { o.SyncAlways = true })
		p := openReady(t, b.publisherOptions(commit))
		var callers sync.WaitGroup
		results := make([]error, 16)
		started := make(chan struct{}, len(results))
		for c := range results {
			callers.Go(func() {
				started <- struct{}{}
				results[c] = p.Publish(context.Background(), events(fmt.Sprint("closing", c), 20))
			})
		}
		for range results {
			<-started
		}
		for range 2 {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
		callers.Wait()
		stored := map[string]bool{}
		for _, id := range heldIDs(t, b.client()) {
			stored[id] = true
		}
		for c, err := range results {
			if err == nil != stored[fmt.Sprintf("closing%d-19", c)] {
				t.Errorf("caller %d got %v; its last message is stored: %v", c, err, stored[fmt.Sprintf("closing%d-19", c)])
			}
		}
		wantKind(t, p.Publish(context.Background(), events("after", 1)), bridge.KindUnavailable)
		wantKind(t, p.Ready(context.Background()), bridge.KindUnavailable)
	})
}
