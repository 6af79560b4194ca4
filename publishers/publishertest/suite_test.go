package publishertest_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"hrbridge/bridge"
	"hrbridge/publishers/publishertest"
)

const maxMessage = 64 << 10

// broker is the smallest one that keeps the contract: a list in memory.
type broker struct {
	mu     sync.Mutex
	away   bool
	stored []bridge.Message
	ids    map[string]bool
}

type publisher struct {
	*broker
	closed bool
}

func (p *publisher) Publish(ctx context.Context, msgs []bridge.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(msgs) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return &bridge.Error{Kind: bridge.KindTimeout, Op: "publish", Err: err}
	}
	if p.away || p.closed {
		return &bridge.Error{Kind: bridge.KindUnavailable, Op: "publish", Err: errors.New("away")}
	}
	for i, m := range msgs {
		if len(m.Value) > maxMessage {
			return &bridge.Error{Kind: bridge.KindTooLarge, Op: "publish", Indexes: []int{i}}
		}
	}
	for _, m := range msgs {
		if !p.ids[m.ID] {
			p.ids[m.ID] = true
			m.Value = bytes.Clone(m.Value)
			p.stored = append(p.stored, m)
		}
	}
	return nil
}

func (p *publisher) Ready(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away || p.closed {
		return errors.New("away")
	}
	return nil
}

func (p *publisher) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return nil
}

func (b *broker) setAway(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = away
}

func TestASmallCorrectPublisherPasses(t *testing.T) {
	b := &broker{ids: make(map[string]bool)}
	publishertest.Run(t, publishertest.Harness{
		Open: func(testing.TB) publishertest.Publisher { return &publisher{broker: b} },
		ReadAll: func(_ testing.TB, topics ...string) []bridge.Message {
			b.mu.Lock()
			defer b.mu.Unlock()
			return slices.DeleteFunc(slices.Clone(b.stored), func(m bridge.Message) bool { return !slices.Contains(topics, m.Topic) })
		},
		MaxMessage: maxMessage,
		Dedupes:    true,
		Stop:       func(testing.TB) { b.setAway(true) },
		Start:      func(testing.TB) { b.setAway(false) },
	})
}
