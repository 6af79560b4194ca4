package nats_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
)

func inBatches(o *nats.Options) { o.Commit = nats.CommitBatch }

// together publishes calls at once and returns what each got.
func together(p *nats.Publisher, calls [][]bridge.Message) []error {
	results := make([]error, len(calls))
	var callers sync.WaitGroup
	for c := range calls {
		callers.Go(func() { results[c] = p.Publish(context.Background(), calls[c]) })
	}
	callers.Wait()
	return results
}

func once(t testing.TB, b *broker, calls [][]bridge.Message) {
	t.Helper()
	count := map[string]int{}
	for _, id := range heldIDs(t, b.client()) {
		count[id]++
	}
	for _, call := range calls {
		for _, m := range call {
			if count[m.ID] != 1 {
				t.Fatalf("%s is stored %d times", m.ID, count[m.ID])
			}
		}
	}
}

func TestARedeliveryDoesNotFailItsBatchMates(t *testing.T) {
	t.Parallel()
	rows := map[string]func(t *testing.T, b *broker, p *nats.Publisher) *nats.Publisher{
		"that this publisher stored": func(_ *testing.T, _ *broker, p *nats.Publisher) *nats.Publisher { return p },
		"that a publisher before it stored": func(t *testing.T, b *broker, p *nats.Publisher) *nats.Publisher {
			_ = p.Close()
			return openReady(t, b.publisherOptions(inBatches))
		},
		"that was stored before the server restarted": func(t *testing.T, b *broker, p *nats.Publisher) *nats.Publisher {
			b.restart(p, func() {})
			return p
		},
	}
	for name, meanwhile := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t, func(o *server.Options) { o.SyncAlways = true })
			p := openReady(t, b.publisherOptions(inBatches))
			repeated := events("repeated", 20)
			if err := p.Publish(t.Context(), repeated); err != nil {
				t.Fatal(err)
			}
			p = meanwhile(t, b, p)
			var calls [][]bridge.Message
			for c := range 24 {
				call := events(fmt.Sprint("new", c), 20)
				switch c % 8 {
				case 3:
					call = repeated
				case 5:
					call[7] = repeated[c%20] // an event of a delivery that was stored in part
				}
				calls = append(calls, call)
			}
			for c, err := range together(p, calls) {
				if err != nil {
					t.Errorf("call %d: %v", c, err)
				}
			}
			once(t, b, append(calls, repeated))
		})
	}
}

func TestTheSameIDTwiceInOneCallIsStoredOnce(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, nil)
		p := openReady(t, b.publisherOptions(commit))
		call := append(events("double", 5), events("double", 5)...)
		if err := p.Publish(t.Context(), call); err != nil {
			t.Fatal(err)
		}
		once(t, b, [][]bridge.Message{call})
	})
}

func TestAnIDIsStoredAgainWhenTheDuplicateWindowIsOver(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, nil)
		p := openReady(t, b.publisherOptions(commit, func(o *nats.Options) { o.Stream.DuplicateWindow = 200 * time.Millisecond }))
		js := b.client()
		eventually(t, func() error {
			if err := p.Publish(context.Background(), events("again", 3)); err != nil {
				t.Fatal(err)
			}
			if n := len(heldIDs(t, js)); n <= 3 {
				return fmt.Errorf("only %d are stored", n)
			}
			return nil
		})
	})
}

func TestAFullBatchIsOneCommit(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	p := openReady(t, b.publisherOptions(inBatches))
	if err := p.Publish(t.Context(), events("exactly", 1000)); err != nil {
		t.Fatal(err)
	}
	msgs := held(t, b.client())
	if first, last := msgs[0].Headers().Get("Nats-Batch-Id"), msgs[999].Headers().Get("Nats-Batch-Id"); first == "" || first != last {
		t.Errorf("the first message is of batch %q, the last of %q", first, last)
	}
}

func TestALoneMessageIsNoBatch(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	p := openReady(t, b.publisherOptions(inBatches))
	if err := p.Publish(t.Context(), events("alone", 1)); err != nil {
		t.Fatal(err)
	}
	if id := held(t, b.client())[0].Headers().Get("Nats-Batch-Id"); id != "" {
		t.Errorf("it is one of the batch %s", id)
	}
}

func TestARepeatCountsAsStoredOnlyWhereTheServerIsTrusted(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, nil)
		if err := openReady(t, b.publisherOptions(commit)).Publish(t.Context(), events("known", 3)); err != nil {
			t.Fatal(err)
		}
		trusting := openReady(t, b.publisherOptions(commit)) // it has not stored them itself
		if err := trusting.Publish(t.Context(), events("known", 3)); err != nil {
			t.Errorf("a repeat: %v", err)
		}
		if err := trusting.Ready(t.Context()); err != nil {
			t.Errorf("not ready after a repeat: %v", err)
		}
		wary := openReady(t, b.publisherOptions(commit, func(o *nats.Options) {
			o.Trust = func() error { return errors.New("its disk failed") }
		}))
		wantKind(t, wary.Publish(t.Context(), events("known", 3)), bridge.KindUnavailable)
		if err := wary.Publish(t.Context(), events("fresh", 3)); err != nil {
			t.Errorf("what is no repeat: %v", err)
		}
	})
}
