package prove

import (
	"context"
	"sync"
	"time"

	"hrbridge/bridge"
)

const (
	// overlap is how far before the last record a reading begins that goes on after one that broke.
	overlap = 10 * time.Second
	// readAgain is the pause before that.
	readAgain = time.Second
)

// watch follows the topics while a run sends: it tells when everything was seen, and how long that took.
type watch struct {
	broker Broker
	before string // of the run's marks
	ledger *ledger
	took   histogram // from sending to seeing

	hello chan time.Time // when the broker stored a hello
	done  chan struct{}

	mu     sync.Mutex
	last   time.Time // when the broker stored the last record
	forged int
	err    error // why the reading is broken; nil while it is not
}

func newWatch(b Broker, run string, l *ledger) *watch {
	return &watch{broker: b, before: before(run), ledger: l, hello: make(chan time.Time, 1), done: make(chan struct{})}
}

// follow reads until ctx ends, and goes on where a reading breaks.
func (w *watch) follow(ctx context.Context) {
	defer close(w.done)
	for {
		err := w.broker.Tail(ctx, bridge.Reading{Topics: w.broker.Topics, From: w.from()}, w.record)
		if ctx.Err() != nil {
			return
		}
		w.mu.Lock()
		w.err = err
		w.mu.Unlock()
		if !sleep(ctx, readAgain) {
			return
		}
	}
}

// from is where to begin to read.
func (w *watch) from() bridge.From {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last.IsZero() {
		return bridge.From{}
	}
	return bridge.From{Since: w.last.Add(-overlap)}
}

// record takes a record in.
func (w *watch) record(r bridge.Record) error {
	now := time.Now()
	w.mu.Lock()
	w.err = nil
	if r.Stored.After(w.last) {
		w.last = r.Stored
	}
	w.mu.Unlock()
	m, ok := findMark(r.Message.Value, w.before)
	if !ok {
		return nil
	}
	switch m.kind {
	case kindHello:
		select {
		case w.hello <- r.Stored:
		default:
		}
	case kindForge:
		w.mu.Lock()
		w.forged++
		w.mu.Unlock()
	case kindEvent:
		if w.ledger.see(m.number) {
			w.took.add(now.Sub(m.sent))
		}
	}
	return nil
}

// broken is why nothing can be read, nil where it can.
func (w *watch) broken() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}
