package publishertest

import (
	"context"
	"testing"
	"time"

	"hrbridge/bridge"
)

// Publisher is what the suite tests.
type Publisher interface {
	bridge.Publisher
	Ready(ctx context.Context) error
	Close() error
}

// Harness is a publisher and the broker that it publishes to. Fields without "optional" are needed.
type Harness struct {
	// Open returns a new publisher. The suite has one open at a time, and closes it. The broker, or what it stored, may be the
	// same for all, and takes messages on [Topics].
	Open func(t testing.TB) Publisher
	// ReadAll returns everything that is stored on topics, those of one topic and key in the order in which they were stored.
	// It is called while a publisher is open.
	ReadAll func(t testing.TB, topics ...string) []bridge.Message
	// MaxMessage is the largest message in bytes, headers included, that the broker takes.
	MaxMessage int
	// Dedupes says that a message whose id is stored already is not stored again.
	Dedupes bool
	// Spools says that messages are taken, and the publisher is ready, while the broker is away; optional.
	Spools bool
	// Stop and Start take the broker away and bring it back with what it stored; optional.
	Stop, Start func(t testing.TB)
}

// Topics are those that the suite publishes to.
func Topics() []string {
	return []string{"profile.parsing.success", "profile.embedding.update", "job.parsing.error", "action.stage.success"}
}

// patience is how long the suite waits for what has to come, longer than a publisher may hold a failure against its broker,
// and soon is what it accepts as promptly.
const (
	patience = 90 * time.Second
	soon     = 2 * time.Second
)

// Run holds the harness's publisher to the contract, a sub-test for each promise. It must not run beside other tests: it
// counts goroutines.
func Run(t *testing.T, h Harness) {
	promises := []struct {
		name string
		test func(*testing.T, Harness)
	}{
		{"stored when Publish returns", storedWhenPublishReturns},
		{"no messages is nil", noMessages},
		{"values of any bytes come back untouched", anyBytes},
		{"attributes and headers come back", attributes},
		{"topic is the message's topic", topics},
		{"ten thousand messages in one call", tenThousand},
		{"order kept per key within a call and between calls", order},
		{"the same id twice is one message", sameID},
		{"the same ids from several callers at once are one message each", sameIDConcurrently},
		{"a message too large fails alone and names its index", tooLarge},
		{"concurrent callers each get their own answer", ownAnswers},
		{"a cancelled context returns promptly with an error of a kind", cancelled},
		{"no bytes are touched after Publish returns", untouchedAfterReturn},
		{"a closed publisher refuses with an error of a kind", closed},
		{"a stopped broker is a retryable error, soon", stopped},
		{"nothing acknowledged is missing after the broker was away", outage},
		{"no goroutine is left after Close", noLeaks},
	}
	for _, promise := range promises {
		t.Run(promise.name, func(t *testing.T) { promise.test(t, h) })
	}
}

// open opens a publisher, waits until it is ready and closes it with the test.
func (h Harness) open(t *testing.T) Publisher {
	t.Helper()
	p := h.Open(t)
	t.Cleanup(func() { closePublisher(t, p) })
	waitReady(t, p)
	return p
}

func closePublisher(t *testing.T, p Publisher) {
	t.Helper()
	if err := p.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func waitReady(t *testing.T, p Publisher) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		err := p.Ready(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("not ready after %v: %v", patience, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
