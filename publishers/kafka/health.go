package kafka

import (
	"sync/atomic"
	"time"

	"hrbridge/bridge"
)

// forgive is how long after a failure the publisher calls itself ready again without proof: who is not ready may be sent
// nothing, and without something to publish nothing can prove that the trouble is over.
const forgive = 30 * time.Second

// health is what recent commits say about the cluster: one that answers nothing, one whose replicas are too few, and one that
// refuses us, are not ready, though they can be reached.
type health struct{ trouble atomic.Pointer[trouble] }

type trouble struct {
	err *bridge.Error
	at  time.Time
}

// failed takes in why something could not be stored. What is too large says nothing of the cluster.
func (h *health) failed(err *bridge.Error) {
	if err.Kind != bridge.KindTooLarge {
		h.trouble.Store(&trouble{err, time.Now()})
	}
}

// stored takes in that a commit was stored as a whole. A refusal may be of one topic, so that others do not prove it over.
func (h *health) stored() {
	if t := h.trouble.Load(); t != nil && t.err.Kind != bridge.KindRefused {
		h.trouble.CompareAndSwap(t, nil)
	}
}

// reset forgets: the cluster was away, and so its state and our rights may be others.
func (h *health) reset() { h.trouble.Store(nil) }

func (h *health) ready() *bridge.Error {
	if t := h.trouble.Load(); t != nil && time.Since(t.at) < forgive {
		return &bridge.Error{Kind: t.err.Kind, Op: t.err.Op, Err: t.err.Err}
	}
	return nil
}
