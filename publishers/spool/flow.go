package spool

import (
	"context"
	"sync"
	"time"
)

const (
	// While the broker takes what is drained, so many bytes come in for one that gets out: a spool that fills as fast as it is drained
	// would never be empty.
	inForOut = 0.5
	// flowPatience is how long a record waits for that at most, so that nobody who waits for his answer is starved.
	flowPatience = 250 * time.Millisecond
	// maxCredit bounds what may come in at once, and what has come in without it.
	maxCredit = 8 << 20
)

// flow keeps what comes in behind what gets out, as long as something gets out.
type flow struct {
	mu     sync.Mutex
	going  bool
	credit int64
	moved  chan struct{} // closed when going or credit changes; nil while nobody waits
}

// out takes in that so many bytes have left the spool.
func (f *flow) out(bytes int) {
	f.change(func() {
		f.going = true
		f.credit = min(f.credit+int64(float64(bytes)*inForOut), maxCredit)
	})
}

// stop says that nothing gets out, for want of a broker or of anything to send.
func (f *flow) stop() { f.change(func() { f.going, f.credit = false, 0 }) }

func (f *flow) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	if f.moved != nil {
		close(f.moved)
		f.moved = nil
	}
}

// in waits until so many bytes may come in.
func (f *flow) in(ctx context.Context, bytes int) {
	patience := time.NewTimer(flowPatience)
	defer patience.Stop()
	for {
		moved := f.take(bytes, false)
		if moved == nil {
			return
		}
		select {
		case <-moved:
		case <-patience.C:
			f.take(bytes, true)
			return
		case <-ctx.Done():
			return
		}
	}
}

// take takes the credit for bytes where there is some, or in any case, and returns nil; or else what to wait for.
func (f *flow) take(bytes int, inAnyCase bool) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.going && f.credit <= 0 && !inAnyCase {
		if f.moved == nil {
			f.moved = make(chan struct{})
		}
		return f.moved
	}
	f.credit = max(f.credit-int64(bytes), -maxCredit)
	return nil
}
