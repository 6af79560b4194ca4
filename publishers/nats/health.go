package nats

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/bridge"
)

// forgive is how long after a failure the publisher calls itself ready again without proof: who is not ready may be sent
// nothing, and without something to publish nothing can prove that the trouble is over.
const forgive = 30 * time.Second

// health is what recent calls say about the broker: one that answers nothing (its disk is full, its stream is dead) or declines
// all, one without room, and one that refuses us, are not ready, though the connection stands.
type health struct {
	trouble atomic.Pointer[trouble]
	// declining is when the server began to decline, for reasons of its own, all that it is sent; 0 is not at all.
	declining atomic.Int64
}

type trouble struct {
	err *bridge.Error
	at  time.Time
}

// note takes in how a call ended; silent says that the server did not say a word of it for so long that it should have.
func (h *health) note(err *bridge.Error, silent bool) {
	switch {
	case err == nil:
		h.declining.Store(0)
		if t := h.trouble.Load(); t != nil && t.err.Kind != bridge.KindRefused {
			h.trouble.CompareAndSwap(t, nil)
		}
	case err.Kind == bridge.KindFull, err.Kind == bridge.KindRefused, err.Kind == bridge.KindTimeout && silent:
		h.trouble.Store(&trouble{err, time.Now()})
	case err.Kind == bridge.KindUnavailable && isAnswer(err):
		h.decline(err)
	}
}

// decline takes in that the server declined what may go better the next time, and is trouble when it goes on for long: a server
// whose disk is full cannot stage a batch, and calls every one incomplete.
func (h *health) decline(err *bridge.Error) {
	now := time.Now()
	if !h.declining.CompareAndSwap(0, now.UnixNano()) && now.Sub(time.Unix(0, h.declining.Load())) >= silence {
		h.trouble.Store(&trouble{err, now})
	}
}

// isAnswer tells whether err is what the server itself said.
func isAnswer(err error) bool {
	_, ok := errors.AsType[*jetstream.APIError](err)
	return ok
}

// reset forgets: the connection is another, and so may be the broker's state and our rights.
func (h *health) reset() {
	h.trouble.Store(nil)
	h.declining.Store(0)
}

func (h *health) ready() *bridge.Error {
	if t := h.trouble.Load(); t != nil && time.Since(t.at) < forgive {
		return &bridge.Error{Kind: t.err.Kind, Op: t.err.Op, Err: t.err.Err}
	}
	return nil
}
