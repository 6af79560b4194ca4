package spool

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"hrbridge/bridge"
)

// How long a call waits for the drainer to finish what little is left, before it is spooled after all: some times as long as a
// batch takes, of which one or two are left, and no longer than half of the time that the caller has.
const (
	leastGatePatience = 500 * time.Millisecond
	mostGatePatience  = 2 * time.Second
)

// mode is whether calls go straight through or queue in the spool.
//
// Why no message of a key overtakes another: of two calls whose order counts, the second begins after the first returned. A
// call that returned from the spool had entered it, which makes the mode "queue", and the mode is "straight" again only when,
// under the mutex, nobody is in the spool and every record was acknowledged by the broker: then the first call's messages are
// there before the second looks at the mode. A call that returned from the broker has its messages there already, whatever the
// second does. And what is queued is sent in the order of the records, which is that of the appends.
type mode struct {
	straight atomic.Bool // changes with the mutex held

	mu     sync.Mutex
	inside int           // calls that have entered the spool and not left it
	wake   func()        // of the drainer
	gate   chan struct{} // not nil while the drainer is about to finish: calls wait outside until it is closed
	// patience is how long they do.
	patience time.Duration
}

func (m *mode) isStraight() bool { return m.straight.Load() }

// divert enters the spool for a call that failed on the straight way, and tells whether that has changed the mode.
func (m *mode) divert() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inside++
	return m.straight.Swap(false)
}

// enter enters the spool, or tells that the straight way is open. The wait at the gate is for speed alone: whoever enters all the same
// keeps the drainer from finishing.
func (m *mode) enter(ctx context.Context) (straight bool, err error) {
	for waited := false; ; {
		m.mu.Lock()
		gate, wait := m.gate, m.patience
		if m.straight.Load() {
			m.mu.Unlock()
			return true, nil
		}
		if gate == nil || waited {
			m.inside++
			m.mu.Unlock()
			return false, nil
		}
		m.mu.Unlock()
		if end, ok := ctx.Deadline(); ok {
			wait = min(wait, time.Until(end)/2)
		}
		patience := time.NewTimer(wait)
		select {
		case <-gate:
		case <-patience.C:
			waited = true
		case <-ctx.Done():
			err = &bridge.Error{Kind: bridge.KindTimeout, Op: "wait for the spool", Err: fmt.Errorf("the caller gave up: %w", ctx.Err())}
		}
		patience.Stop()
		if err != nil {
			return false, err
		}
	}
}

// join enters the spool for what has entered it already, in the name of a caller.
func (m *mode) join() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inside++
}

// leave leaves the spool, and lets the drainer know.
func (m *mode) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inside--
	m.wake()
}

// close keeps new calls outside, until open; a batch takes the drainer so long.
func (m *mode) close(batch time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.patience = min(max(leastGatePatience, 4*batch), mostGatePatience)
	if m.gate == nil {
		m.gate = make(chan struct{})
	}
}

// open lets calls in again.
func (m *mode) open() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gate != nil {
		close(m.gate)
		m.gate = nil
	}
}

// finish makes the mode straight where nobody is in the spool and empty says that nothing is, and tells whether that has changed it.
func (m *mode) finish(empty func() bool) (changed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.inside == 0 && empty() && !m.straight.Swap(true)
}
