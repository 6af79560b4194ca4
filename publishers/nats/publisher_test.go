package nats_test

import (
	"context"
	"flag"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"hrbridge/publishers/nats"
)

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "16") // these tests wait for servers more than they work
	goleak.VerifyTestMain(m,
		// The server's own, of a store that was deleted while it wrote.
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server.(*fileStore).flushStreamStateLoop"),
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1"),
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server.(*msgBlock).flushLoop"),
	)
}

// modes runs test for each way to commit.
func modes(t *testing.T, test func(t *testing.T, commit func(*nats.Options))) {
	for _, mode := range []nats.Commit{nats.CommitPipeline, nats.CommitBatch} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			test(t, func(o *nats.Options) { o.Commit = mode })
		})
	}
}

func TestPublishedMessagesAreInTheStreamInOrder(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, nil)
		p := openReady(t, b.publisherOptions(commit))
		want := []string{}
		for _, n := range []int{1, 20, 2500} {
			msgs := events(t.Name()+string(rune('a'+n%26)), n)
			if err := p.Publish(context.Background(), msgs); err != nil {
				t.Fatal(err)
			}
			for _, m := range msgs {
				want = append(want, m.ID)
			}
		}
		if diff := cmp.Diff(want, heldIDs(t, b.client())); diff != "" {
			t.Error(diff)
		}
	})
}
