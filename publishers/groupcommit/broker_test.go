package groupcommit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"hrbridge/bridge"
	"hrbridge/publishers/groupcommit"
)

// broker is a Committer in memory. Its gate, where there is one, holds each commit before its bytes are read; its answer
// holds each commit after sent.
type broker struct {
	begun  chan []string // ids of each commit, as it begins
	gate   chan struct{}
	answer chan error

	mu      sync.Mutex
	commits [][]string
	stored  []bridge.Message
	ids     map[string]bool

	tooLarge int  // values longer than this are refused by index; 0 is none
	atomic   bool // a stored id refuses the whole
	panics   bool
}

var errTooLarge = errors.New("too large")

func (b *broker) Commit(ctx context.Context, msgs []bridge.Message, sent func()) error {
	defer sent()
	ids := idsOf(msgs)
	b.mu.Lock()
	b.commits = append(b.commits, ids)
	b.mu.Unlock()
	if b.panics {
		panic("at the broker")
	}
	if b.begun != nil {
		b.begun <- ids
	}
	if b.gate != nil {
		<-b.gate
	}
	var large []int
	for i, m := range msgs {
		if b.tooLarge > 0 && len(m.Value) > b.tooLarge {
			large = append(large, i)
		}
	}
	if large != nil {
		return &bridge.Error{Kind: bridge.KindTooLarge, Op: "commit", Indexes: large, Err: errTooLarge}
	}
	taken := b.read(msgs)
	sent()
	if b.answer != nil {
		select {
		case err := <-b.answer:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return &bridge.Error{Kind: bridge.KindTimeout, Op: "commit", Err: ctx.Err()}
		}
	}
	return b.store(taken)
}

// read copies the messages, as a client writes them to its socket.
func (b *broker) read(msgs []bridge.Message) []bridge.Message {
	taken := slices.Clone(msgs)
	for i := range taken {
		taken[i].Value = bytes.Clone(taken[i].Value)
	}
	return taken
}

func (b *broker) store(msgs []bridge.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	fresh := make(map[string]bool)
	for _, m := range msgs {
		if b.atomic && (b.ids[m.ID] || fresh[m.ID]) {
			return fmt.Errorf("commit: %w", groupcommit.ErrSplit)
		}
		fresh[m.ID] = true
	}
	b.add(msgs)
	return nil
}

func (b *broker) add(msgs []bridge.Message) {
	if b.ids == nil {
		b.ids = make(map[string]bool)
	}
	for _, m := range msgs {
		if !b.ids[m.ID] {
			b.stored = append(b.stored, m)
		}
		b.ids[m.ID] = true
	}
}

func (b *broker) storedIDs() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return idsOf(b.stored)
}

func (b *broker) allCommits() [][]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.commits)
}

// piecemeal is a broker that can also store message by message.
type piecemeal struct{ *broker }

func (p piecemeal) CommitEach(_ context.Context, msgs []bridge.Message, sent func()) error {
	defer sent()
	taken := p.read(msgs)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.add(taken)
	return nil
}

func idsOf(msgs []bridge.Message) []string {
	ids := make([]string, len(msgs))
	for i, m := range msgs {
		ids[i] = m.ID
	}
	return ids
}

// call makes n messages with ids like a0, a1, a2.
func call(name string, n int) []bridge.Message {
	msgs := make([]bridge.Message, n)
	for i := range msgs {
		id := fmt.Sprintf("%s%d", name, i)
		msgs[i] = bridge.Message{ID: id, Topic: "profile.parsing.success", Key: name, Value: []byte(id)}
	}
	return msgs
}

// publish starts a Publish and returns where its answer will be.
func publish(ctx context.Context, l *groupcommit.Lane, msgs []bridge.Message) <-chan error {
	answer := make(chan error, 1)
	go func() { answer <- l.Publish(ctx, msgs) }()
	return answer
}

func lane(t *testing.T, c groupcommit.Committer, o groupcommit.Options) *groupcommit.Lane {
	t.Helper()
	l := groupcommit.New(c, o)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return l
}

func want[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
