package nats

import (
	"sync/atomic"
	"time"

	"hrbridge/bridge"
)

// forgive is how long after a failure the publisher calls itself ready again without proof: who is not ready may be sent
// nothing, and without something to publish nothing can prove that the trouble is over.
const forgive = 30 * time.Second

// health is what recent calls say about the broker: one that answers nothing (its disk is full, its stream is dead), one
// without room, and one that refuses us, are not ready, though the connection stands.
type health struct{ trouble atomic.Pointer[trouble] }

type trouble struct {
	err *bridge.Error
	at  time.Time
}

// note takes in how a call ended; silent says that the server did not say a word of it for so long that it should have.
func (h *health) note(err *bridge.Error, silent bool) {
	switch {
	case err == nil:
		if t := h.trouble.Load(); t != nil && t.err.Kind != bridge.KindRefused {
			h.trouble.CompareAndSwap(t, nil)
		}
	case err.Kind == bridge.KindFull, err.Kind == bridge.KindRefused, err.Kind == bridge.KindTimeout && silent:
		h.trouble.Store(&trouble{err, time.Now()})
	}
}

// reset forgets: the connection is another, and so may be the broker's state and our rights.
func (h *health) reset() { h.trouble.Store(nil) }

func (h *health) ready() *bridge.Error {
	if t := h.trouble.Load(); t != nil && time.Since(t.at) < forgive {
		return &bridge.Error{Kind: t.err.Kind, Op: t.err.Op, Err: t.err.Err}
	}
	return nil
}
