package publishertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hrbridge/bridge"
)

func cancelled(t *testing.T, h Harness) {
	l := open(t, h)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.publish(ctx, l.messages("before", 3)); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that had ended: got %v", err)
	}
	var callers sync.WaitGroup
	for c := range 16 {
		callers.Go(func() { impatient(l, c, func([]bridge.Message) {}) })
	}
	callers.Wait()
	l.mustPublish(l.messages("after", 3))
	l.check()
}

// untouchedAfterReturn overwrites each value as soon as its Publish has returned: the race detector tells who still reads
// it, and what is stored must be what was published, also of calls that failed.
func untouchedAfterReturn(t *testing.T, h Harness) {
	l := open(t, h)
	var callers sync.WaitGroup
	for c := range 16 {
		callers.Go(func() {
			impatient(l, c, func(msgs []bridge.Message) {
				for i := range msgs {
					for b := range msgs[i].Value {
						msgs[i].Value[b] = '!'
					}
					msgs[i] = bridge.Message{}
				}
			})
		})
	}
	callers.Wait()
	l.check()
}

// impatient is a caller whose contexts end at any moment of a Publish, and who then does what returned says.
func impatient(l *ledger, number int, returned func([]bridge.Message)) {
	chance := rand.New(rand.NewPCG(uint64(number), 7))
	for n := range 30 {
		msgs := l.messages(fmt.Sprintf("caller %d call %d", number, n), 1+chance.IntN(20))
		ctx, cancel := context.WithTimeout(l.t.Context(), time.Duration(chance.IntN(8_000))*time.Microsecond)
		err := l.publish(ctx, msgs)
		if end, _ := ctx.Deadline(); time.Since(end) > soon {
			l.t.Errorf("returned %v after its context had ended", time.Since(end))
		}
		if err != nil && ctx.Err() == nil {
			l.t.Errorf("failed before its context ended: %v", err)
		}
		cancel()
		returned(msgs)
	}
}

func closed(t *testing.T, h Harness) {
	p := h.Open(t)
	waitReady(t, p)
	closePublisher(t, p)
	closePublisher(t, p)
	err := p.Publish(t.Context(), []bridge.Message{{ID: "late", Topic: Topics()[0], Value: []byte("{}")}})
	if _, ok := errors.AsType[*bridge.Error](err); !ok {
		t.Errorf("Publish after Close: got %v", err)
	}
	if p.Ready(t.Context()) == nil {
		t.Error("ready after Close")
	}
}

// noLeaks looks at the second of two publishers: what the first makes a broker in this process start may stay.
func noLeaks(t *testing.T, h Harness) {
	use := func() {
		p := h.Open(t)
		waitReady(t, p)
		if err := p.Publish(t.Context(), []bridge.Message{{ID: "leak", Topic: Topics()[0], Source: "/hrflow/leak", Type: Topics()[0], Value: []byte("{}")}}); err != nil {
			t.Errorf("Publish: %v", err)
		}
		closePublisher(t, p)
	}
	use()
	before := goleak.IgnoreCurrent()
	use()
	goleak.VerifyNone(t, before)
}
