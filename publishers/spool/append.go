package spool

import (
	"context"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers/embedded"
)

const (
	// keepBuffer is how large the buffer for records may stay after one that was larger.
	keepBuffer = 4 << 20
	// retryAppend is the pause after an append that the store did not take because it is being started again.
	retryAppend = 50 * time.Millisecond
	// markEvery is how old the mark's end may become while records are appended: what is lost of the last moments before a crash
	// cannot be told from what never was.
	markEvery = time.Second
)

// appender commits what has gathered as one record.
type appender struct {
	store   *embedded.Store
	mode    *mode
	flow    *flow
	account *account
	metrics *metrics
	buffer  []byte
	marked  time.Time
}

// Commit implements [groupcommit.Committer]. The record counts when the store has acknowledged it, and at no other word: after a
// failure its sequence is given to the next one, and whichever of them are in the store are sent.
func (a *appender) Commit(ctx context.Context, msgs []bridge.Message, sent func()) error {
	a.mode.join() // callers may leave before the record is there: it is in the spool all the same
	defer a.mode.leave()
	h := a.account.next(len(msgs))
	a.buffer = encode(a.buffer[:0], h, msgs)
	sent()
	a.flow.in(ctx, len(a.buffer))
	for {
		_, err := a.store.Main.Append(ctx, a.buffer)
		if err == nil {
			break
		}
		if bridge.KindOf(err) == bridge.KindFull {
			a.account.full.Store(&err)
		}
		if bridge.KindOf(err) != bridge.KindUnavailable || !pause(ctx, retryAppend) {
			return err
		}
	}
	a.account.appended(h, len(a.buffer))
	a.metrics.spooled.Add(float64(h.count))
	if cap(a.buffer) > keepBuffer {
		a.buffer = nil
	}
	if time.Since(a.marked) > markEvery {
		a.marked = time.Now()
		_ = a.account.mark(ctx, a.store) // it is tried again; the records are what counts
	}
	return nil
}

// pause is false when ctx ended before the time was over.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
