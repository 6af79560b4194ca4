package publishertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hrbridge/bridge"
)

// ledger is the oracle: it knows what one test published and what was acknowledged, and compares that to what is stored.
// Its messages have a source of their own, so that what other tests stored does not count.
type ledger struct {
	t      *testing.T
	h      Harness
	p      Publisher
	source string

	mu           sync.Mutex
	published    map[string]entry
	acknowledged map[string]bool
}

// entry is a published message, its bytes copied, and its place among all that the ledger made.
type entry struct {
	message bridge.Message
	place   int64
}

func open(t *testing.T, h Harness) *ledger {
	t.Helper()
	return &ledger{
		t: t, h: h, p: h.open(t),
		source:       fmt.Sprintf("/hrflow/test-%x", rand.Uint64()),
		published:    make(map[string]entry),
		acknowledged: make(map[string]bool),
	}
}

// places numbers messages in the order in which they were made, which is that of their keys' publishing.
var places atomic.Int64

// message makes one of this ledger, on a topic drawn by its number.
func (l *ledger) message(key string, value []byte) bridge.Message {
	place := places.Add(1)
	m := bridge.Message{
		ID:     fmt.Sprintf("%s-%d", l.source[len("/hrflow/"):], place),
		Topic:  Topics()[0],
		Key:    key,
		Source: l.source,
		Type:   Topics()[0],
		Time:   time.Now().UTC().Truncate(time.Microsecond),
		Value:  value,
	}
	l.note(m, place)
	return m
}

// messages makes n of them with one key.
func (l *ledger) messages(key string, n int) []bridge.Message {
	msgs := make([]bridge.Message, n)
	for i := range msgs {
		msgs[i] = l.message(key, fmt.Appendf(nil, `{"number":%d,"key":%q}`, i, key))
	}
	return msgs
}

// note records what m is, or that it was changed before it was published.
func (l *ledger) note(m bridge.Message, place int64) {
	m.Value = bytes.Clone(m.Value)
	m.Headers = slices.Clone(m.Headers)
	l.mu.Lock()
	defer l.mu.Unlock()
	if place == 0 {
		place = l.published[m.ID].place
	}
	l.published[m.ID] = entry{m, place}
}

// publish publishes and keeps the books. An error has to be of the domain.
func (l *ledger) publish(ctx context.Context, msgs []bridge.Message) error {
	ids := make([]string, len(msgs))
	for i := range msgs {
		ids[i] = msgs[i].ID
	}
	err := l.p.Publish(ctx, msgs)
	if err != nil {
		if _, ok := errors.AsType[*bridge.Error](err); !ok {
			l.t.Errorf("Publish: an error of no kind: %v", err)
		}
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.acknowledged[id] = true
	}
	return nil
}

// mustPublish publishes what nothing stands in the way of.
func (l *ledger) mustPublish(msgs []bridge.Message) {
	l.t.Helper()
	if err := l.publish(l.t.Context(), msgs); err != nil {
		l.t.Errorf("Publish of %d messages: %v", len(msgs), err)
	}
}

// persist publishes msgs until they are acknowledged, as a sender that retries does. An error has to allow that.
func (l *ledger) persist(ctx context.Context, msgs []bridge.Message) {
	for {
		attempt, cancel := context.WithTimeout(ctx, soon)
		err := l.publish(attempt, msgs)
		cancel()
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			l.t.Errorf("never acknowledged: %v", err)
			return
		}
		if !bridge.KindOf(err).Retryable() {
			l.t.Errorf("Publish of kind %v: %v", bridge.KindOf(err), err)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// stored reads back what this ledger's messages have become.
func (l *ledger) stored() []bridge.Message {
	l.t.Helper()
	return slices.DeleteFunc(l.h.ReadAll(l.t, Topics()...), func(m bridge.Message) bool { return m.Source != l.source })
}

// check holds what is stored against the books: everything acknowledged is there, nothing is altered or made up, the first
// copies of a key's messages are in order, and where the broker dedupes there are no others.
func (l *ledger) check() {
	l.t.Helper()
	stored := l.stored()
	l.mu.Lock()
	defer l.mu.Unlock()
	copies := make(map[string]int)
	last := make(map[string]entry)
	faults := &faults{t: l.t}
	for _, m := range stored {
		was, ok := l.published[m.ID]
		if !ok {
			faults.add("%s was never published", m.ID)
			continue
		}
		if what := difference(was.message, m); what != "" {
			faults.add("%s came back with another %s", m.ID, what)
		}
		copies[m.ID]++
		if copies[m.ID] > 1 {
			if l.h.Dedupes {
				faults.add("%s is stored %d times", m.ID, copies[m.ID])
			}
			continue
		}
		lane := m.Topic + " " + m.Key
		if before := last[lane]; m.Key != "" && before.place > was.place {
			faults.add("%s is stored after %s", m.ID, before.message.ID)
		}
		last[lane] = was
	}
	for id := range l.acknowledged {
		if copies[id] == 0 {
			faults.add("%s was acknowledged and is missing", id)
		}
	}
	faults.report()
}

// faults reports the first few of many.
type faults struct {
	t     *testing.T
	lines []string
}

func (f *faults) add(format string, args ...any) {
	f.lines = append(f.lines, fmt.Sprintf(format, args...))
}

func (f *faults) report() {
	f.t.Helper()
	const shown = 10
	for _, line := range f.lines[:min(shown, len(f.lines))] {
		f.t.Error(line)
	}
	if n := len(f.lines) - shown; n > 0 {
		f.t.Errorf("and %d more", n)
	}
}

// difference names what of got is not as it was published, "" for nothing.
func difference(want, got bridge.Message) string {
	switch {
	case want.Topic != got.Topic:
		return "topic"
	case want.Key != got.Key:
		return "key"
	case want.Source != got.Source:
		return "source"
	case want.Type != got.Type:
		return "type"
	case !want.Time.Equal(got.Time):
		return "time"
	case !slices.Equal(sorted(want.Headers), sorted(got.Headers)):
		return "set of headers"
	case !bytes.Equal(want.Value, got.Value):
		return "value"
	}
	return ""
}

func sorted(headers []bridge.Header) []bridge.Header {
	return slices.SortedFunc(slices.Values(headers), func(a, b bridge.Header) int { return strings.Compare(a.Name, b.Name) })
}
