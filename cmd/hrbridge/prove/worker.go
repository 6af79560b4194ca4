package prove

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"hrbridge/cmd/hrbridge/client"
)

const (
	firstWait = 50 * time.Millisecond
	// longestWait is also the most of a Retry-After that is waited for.
	longestWait = 5 * time.Second
	// maxDelay is how many deliveries later, at most, one is sent again.
	maxDelay = 4
)

// worker sends on one connection, a delivery at a time. It sends a delivery again until that is acknowledged or given up,
// and only then the next: that is what gives its keys an order.
type worker struct {
	run    *run
	maker  maker
	number int      // deliveries so far
	due    []repeat // what is to be sent again
}

// repeat is a delivery to send again once so many were sent.
type repeat struct {
	at     int
	posted client.Delivery
}

// work sends until the run has enough or ctx ends.
func (w *worker) work(ctx context.Context) error {
	for w.run.pace.Wait(ctx) == nil {
		n := w.run.quota()
		if n == 0 {
			break
		}
		d, err := w.maker.delivery(kindEvent, w.run.ledger.take(n), n)
		if err != nil {
			return err
		}
		w.number++
		twice := w.maker.rand.Float64() < w.run.Repeats
		d.promise.again = twice
		w.run.ledger.expect(d.promise)
		taken, err := w.deliver(ctx, d)
		if err != nil {
			return err
		}
		if taken && twice {
			w.due = append(w.due, repeat{at: w.number + w.maker.rand.IntN(maxDelay), posted: d.posted})
		}
		w.repeat(ctx)
		if w.maker.rand.Float64() < w.run.Forgeries {
			if err := w.forge(ctx); err != nil {
				return err
			}
		}
	}
	w.number += maxDelay // what was to be sent again later is due now
	w.repeat(ctx)
	return nil
}

// deliver sends a delivery until it is taken, refused for good or given up.
func (w *worker) deliver(ctx context.Context, d delivery) (taken bool, err error) {
	until := time.Now().Add(w.run.GiveUp)
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		// What is under way gets its answer, or its timeout, although the run was stopped.
		o := w.run.Client.Post(context.WithoutCancel(ctx), d.posted)
		w.run.counts.answer(o, len(d.promise.prints))
		if o.Err == nil && o.Answer.Taken() {
			return true, w.run.acknowledge(d.promise)
		}
		d.promise.again = true // a delivery that got no answer, or a 503, may be stored
		if pause := max(wait, retryAfter(o.Answer)); !worthAnotherTry(o) || time.Now().Add(pause).After(until) || !sleep(ctx, pause) {
			w.run.counts.givenUp.Add(1)
			return false, nil
		}
		w.run.counts.retried.Add(1)
	}
}

// repeat sends again what is due.
func (w *worker) repeat(ctx context.Context) {
	later := w.due[:0]
	for _, r := range w.due {
		if r.at > w.number {
			later = append(later, r)
			continue
		}
		w.run.counts.repeat(w.run.Client.Post(context.WithoutCancel(ctx), r.posted))
	}
	w.due = later
}

// forge sends what nobody may take.
func (w *worker) forge(ctx context.Context) error {
	d, err := w.maker.forgery(uint32(w.run.counts.forged.Add(1)))
	if err != nil {
		return err
	}
	w.run.counts.forgery(w.run.Client.Post(context.WithoutCancel(ctx), d))
	return nil
}

// worthAnotherTry tells whether the same bytes may be taken later.
func worthAnotherTry(o client.Outcome) bool {
	switch o.Answer.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	return o.Err != nil || o.Answer.Status >= http.StatusInternalServerError
}

// retryAfter is how long a bridge says to wait.
func retryAfter(a client.Answer) time.Duration {
	seconds, err := strconv.ParseUint(a.RetryAfter, 10, 16)
	if err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, longestWait)
}

// sleep waits, and tells whether ctx did not end meanwhile.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
