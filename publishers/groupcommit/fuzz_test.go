package groupcommit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers/groupcommit"
)

// moody is a broker that fails in every way there is, drawn by chance.
type moody struct {
	*broker
	mu     sync.Mutex
	chance *rand.Rand
}

func (m *moody) Commit(ctx context.Context, msgs []bridge.Message, sent func()) error {
	m.mu.Lock()
	draw := m.chance.IntN(10)
	m.mu.Unlock()
	if draw == 0 {
		return &bridge.Error{Kind: bridge.KindUnavailable, Op: "commit"}
	}
	if err := m.broker.Commit(ctx, msgs, sent); err != nil {
		return err
	}
	if draw == 1 { // stored, but the answer was lost
		return &bridge.Error{Kind: bridge.KindTimeout, Op: "commit"}
	}
	return nil
}

func (m *moody) CommitEach(ctx context.Context, msgs []bridge.Message, sent func()) error {
	return piecemeal{m.broker}.CommitEach(ctx, msgs, sent)
}

// FuzzLane lets callers with repeats, too large messages and short patience meet a moody broker, and holds the outcome
// against what Publish promises.
func FuzzLane(f *testing.F) {
	for seed := range uint64(12) {
		f.Add(seed, uint8(seed*3+1), uint8(seed%5+2))
	}
	f.Fuzz(func(t *testing.T, seed uint64, maxMessages, callers uint8) {
		b := &moody{broker: &broker{atomic: true, tooLarge: 64}, chance: rand.New(rand.NewPCG(seed, 1))}
		l := groupcommit.New(b, groupcommit.Options{MaxMessages: int(maxMessages%50) + 1, MaxBytes: 4000})
		var wg sync.WaitGroup
		acknowledged := make([][]string, callers%16)
		for c := range acknowledged {
			wg.Go(func() { acknowledged[c] = caller(t, l, rand.New(rand.NewPCG(seed, uint64(c)+2)), c) })
		}
		wg.Wait()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		stored := b.storedIDs()
		for c, ids := range acknowledged {
			for _, id := range ids {
				if !slices.Contains(stored, id) {
					t.Errorf("caller %d: %s was acknowledged and is missing", c, id)
				}
			}
			ordered(t, stored, c)
		}
		for _, m := range b.stored {
			if string(m.Value) != m.ID {
				t.Errorf("%s holds %q", m.ID, m.Value)
			}
		}
	})
}

// caller publishes calls one after the other, each again until it is acknowledged, and returns the ids that were.
func caller(t *testing.T, l *groupcommit.Lane, chance *rand.Rand, number int) (acknowledged []string) {
	for n := range 20 {
		msgs := call(fmt.Sprintf("%d-%02d-", number, n), 1+chance.IntN(9))
		spoiled := chance.IntN(8) == 0
		if spoiled {
			msgs[len(msgs)-1].Value = make([]byte, 65)
		}
		for {
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if chance.IntN(4) == 0 {
				ctx, cancel = context.WithTimeout(ctx, time.Duration(chance.IntN(100))*time.Microsecond)
			}
			err := l.Publish(ctx, msgs)
			cancel()
			if err == nil {
				acknowledged = append(acknowledged, idsOf(msgs)...)
				if chance.IntN(4) > 0 {
					break
				}
				continue // again, as a sender that missed the answer
			}
			e, ok := errors.AsType[*bridge.Error](err)
			if !ok {
				t.Errorf("an error of no kind: %v", err)
				break
			}
			if e.Kind == bridge.KindTooLarge {
				if !spoiled || !slices.Equal(e.Indexes, []int{len(msgs) - 1}) {
					t.Errorf("call %d of %d: %v", n, number, err)
				}
				break
			}
			if !e.Kind.Retryable() {
				t.Errorf("call %d of %d: %v", n, number, err)
				break
			}
		}
		for i := range msgs {
			clear(msgs[i].Value)
		}
	}
	return acknowledged
}

// ordered holds that the first copies of a caller's messages are in the order in which they were published.
func ordered(t *testing.T, stored []string, caller int) {
	prefix, last := fmt.Sprintf("%d-", caller), ""
	for _, id := range stored {
		if strings.HasPrefix(id, prefix) {
			if id <= last {
				t.Errorf("%s came after %s", id, last)
			}
			last = id
		}
	}
}
