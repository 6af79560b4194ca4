package spool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"hrbridge/publishers/embedded"
)

// account knows where among the records the ends are: up to where they were appended, and up to where they were sent and removed.
type account struct {
	mu      sync.Mutex
	end     position // of what was appended
	drained position
	place   uint64 // in the store, of the last record that was sent
	bytes   int64
	oldest  time.Time // when what is sent next was spooled
	marked  mark      // what the store was told last

	marking sync.Mutex // one mark at a time is written: an older one must not come after a newer

	// full is why the store took no more, until it took or gave up something.
	full atomic.Pointer[error]
	// recovered is the mark as an earlier run left it.
	recovered mark
}

// depth is what waits.
type depth struct {
	records, events uint64
	bytes           int64
	age             time.Duration
}

func (d depth) String() string {
	return fmt.Sprintf("%d events in %d records, %d MiB, the oldest for %v", d.events, d.records, d.bytes>>20, d.age.Round(time.Second))
}

// recoverAccount reads the ends off the store. An error is about records of a later version, or a store that does not answer.
func recoverAccount(ctx context.Context, store *embedded.Store, log *zap.Logger) (*account, error) {
	text, err := store.Marked(ctx)
	if err != nil {
		return nil, err
	}
	m, known := decodeMark(text)
	state, err := store.Main.State(ctx)
	if err != nil {
		return nil, err
	}
	a := &account{recovered: m, marked: m, end: m.appended, drained: m.drained, place: m.place, bytes: int64(state.Bytes)}
	first, last, found, err := ends(ctx, store.Main, state)
	if err != nil {
		return nil, err
	}
	if found {
		if after := last.sequence; after > a.end.sequence {
			a.end = position{after, last.before + uint64(last.count)}
		}
		if a.oldest = first.at; !known {
			a.drained = position{first.sequence - 1, first.before}
		}
		log.Info("the spool holds events of an earlier run, and sends them first", zap.Stringer("depth", a.depth()))
	}
	if !known && (found || len(text) > 0) {
		log.Warn("the spool's mark cannot be read: whether records before the first or after the last are missing cannot be told")
	}
	return a, a.mark(ctx, store)
}

// ends are the heads of the first and the last record that can be read.
func ends(ctx context.Context, records *embedded.Records, state embedded.State) (first, last head, found bool, err error) {
	if state.Records == 0 {
		return head{}, head{}, false, nil
	}
	first, found, err = scan(ctx, records, state.First, true)
	if err != nil || !found {
		return head{}, head{}, false, err
	}
	for back := uint64(1); ; back *= 4 { // the last ones may be unreadable
		from := state.First
		if span := state.Last - state.First; back <= span {
			from = state.Last - back + 1
		}
		last, found, err = scan(ctx, records, from, false)
		if found || err != nil || from == state.First {
			return first, last, found, err
		}
	}
}

// scan is the head of the first record from a place on that can be read, or of the last.
func scan(ctx context.Context, records *embedded.Records, from uint64, first bool) (h head, found bool, err error) {
	for {
		batch, err := records.Read(ctx, from, readRecords, readBytes)
		if err != nil || len(batch) == 0 {
			return h, found, err
		}
		for _, r := range batch {
			one, _, err := decode(r.Data, nil)
			if future, ok := errors.AsType[*futureError](err); ok {
				return h, false, future
			}
			if err != nil {
				continue
			}
			if h, found = one, true; first {
				return h, true, nil
			}
		}
		from = batch[len(batch)-1].Sequence + 1
	}
}

// next is the head of a record of count events that is appended now.
func (a *account) next(count int) head {
	a.mu.Lock()
	defer a.mu.Unlock()
	return head{sequence: a.end.sequence + 1, before: a.end.events, at: time.Now(), count: count}
}

// appended takes in that the store has the record of h.
func (a *account) appended(h head, size int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.end == a.drained {
		a.oldest = h.at
	}
	a.end = h.after()
	a.bytes += int64(size)
	a.full.Store(nil)
}

// after is the position behind the record of h.
func (h head) after() position { return position{h.sequence, h.before + uint64(h.count)} }

// remove takes in that what lies before a position was sent and removed, and how many bytes are left.
func (a *account) remove(through position, place uint64, bytes int64, last time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drained, a.place, a.bytes, a.oldest = through, place, bytes, last
	a.full.Store(nil)
	if a.end.sequence < through.sequence { // records that were stored without an answer
		a.end = through
	}
}

func (a *account) ends() (drained, end position) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.drained, a.end
}

func (a *account) empty() bool {
	drained, end := a.ends()
	return drained == end
}

func (a *account) depth() depth {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := depth{records: a.end.sequence - a.drained.sequence, events: a.end.events - a.drained.events}
	if d.records > 0 {
		d.bytes, d.age = a.bytes, time.Since(a.oldest)
	}
	return d
}

// mark tells the store where the ends are, where it does not know.
func (a *account) mark(ctx context.Context, store *embedded.Store) error {
	drained, _ := a.ends()
	a.mu.Lock()
	place := a.place
	a.mu.Unlock()
	return a.markThrough(ctx, store, drained, place)
}

// markThrough tells the store that everything up to a place is sent. What it was told before is never taken back.
func (a *account) markThrough(ctx context.Context, store *embedded.Store, drained position, place uint64) error {
	a.marking.Lock()
	defer a.marking.Unlock()
	a.mu.Lock()
	m, before := mark{place: place, drained: drained, appended: a.end}, a.marked
	a.mu.Unlock()
	if before.drained.sequence > drained.sequence {
		m.drained, m.place = before.drained, before.place
	}
	if m == before {
		return nil
	}
	if err := store.Mark(ctx, m.encode()); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.marked = m
	return nil
}
