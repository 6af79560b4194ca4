package prove

import (
	"net/http"
	"sync"
	"sync/atomic"

	"hrbridge/cmd/hrbridge/client"
)

// counts are what a run's senders count.
type counts struct {
	took histogram // of the answers to deliveries that were taken

	acknowledged, refused, unanswered, retried, givenUp atomic.Int64
	repeats, repeatsTaken                               atomic.Int64
	forged, forgedRefused, forgedTaken                  atomic.Int64
	wrongReceipts                                       atomic.Int64

	mu       sync.Mutex
	statuses map[int]int // of deliveries, other than 2xx
	last     error       // why the last that was unanswered got none
}

// answer counts what a delivery of so many events got.
func (c *counts) answer(o client.Outcome, events int) {
	switch {
	case o.Err != nil:
		c.unanswered.Add(1)
		c.mu.Lock()
		c.last = o.Err
		c.mu.Unlock()
	case o.Answer.Taken():
		c.acknowledged.Add(1)
		c.took.add(o.Took)
		if !o.Answer.HasReceipt || o.Answer.Receipt != (client.Receipt{Events: events, Published: events}) {
			c.wrongReceipts.Add(1)
		}
	default:
		c.refused.Add(1)
		c.mu.Lock()
		c.statuses[o.Answer.Status]++
		c.mu.Unlock()
	}
}

// repeat counts what a delivery that was taken before got.
func (c *counts) repeat(o client.Outcome) {
	c.repeats.Add(1)
	if o.Err == nil && o.Answer.Taken() {
		c.repeatsTaken.Add(1)
	}
}

// forgery counts what a wrong signature got.
func (c *counts) forgery(o client.Outcome) {
	switch {
	case o.Err != nil:
	case o.Answer.Taken():
		c.forgedTaken.Add(1)
	case o.Answer.Status == http.StatusUnauthorized:
		c.forgedRefused.Add(1)
	}
}
