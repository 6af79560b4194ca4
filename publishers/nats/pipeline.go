package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"golang.org/x/sync/semaphore"

	"hrbridge/bridge"
)

// slot is how many bytes of a message take one place of the window: the server bounds what waits for a stream by count
// (100,000) and by bytes (128 MiB), and past it answers "too many requests". The default window is 64 MiB.
const slot = 16 << 10

// silence is how long a server may say nothing at all of what was sent before it counts as one that cannot store.
const silence = time.Second

// pipeline sends all messages of a call at once and waits for all acknowledgements.
type pipeline struct {
	link  *link
	inbox *inbox
	// health is told how every flight ended.
	health  *health
	op      string
	timeout time.Duration
	// window bounds what all calls have on their way; portion, what a call takes of it at once.
	window  *semaphore.Weighted
	size    int
	portion int
	// trust is asked before a repeat counts as stored; nil is trust.
	trust func() error
}

func newPipeline(l *link, in *inbox, h *health, op string, o Options) *pipeline {
	return &pipeline{
		link: l, inbox: in, health: h, op: op, timeout: o.AckTimeout,
		window: semaphore.NewWeighted(int64(o.Window)), size: o.Window, portion: max(1, o.Window/4),
		trust: o.Trust,
	}
}

// publish stores msgs in order. A call larger than its portion of the window goes in several, each after the one before was
// acknowledged: it cannot starve others, and what follows a message that failed is not stored before it is sent again, but
// for the rest of its portion.
func (p *pipeline) publish(ctx context.Context, msgs []bridge.Message) *bridge.Error {
	for from := 0; from < len(msgs); {
		n, cost := p.take(msgs[from:])
		if p.window.Acquire(ctx, cost) != nil {
			return gaveUp(ctx, p.op)
		}
		f := newFlight(p.op, msgs[from:from+n], "")
		p.fly(ctx, f, func() {})
		p.window.Release(cost)
		if err := f.result(from); err != nil {
			return err
		}
		if err := p.believe(f); err != nil {
			return err
		}
		from += n
	}
	return nil
}

// believe returns an error when f is stored only by the word of a server that is not to be trusted with it.
func (p *pipeline) believe(f *flight) *bridge.Error {
	if p.trust == nil || !f.hadRepeats() {
		return nil
	}
	if err := p.trust(); err != nil {
		return &bridge.Error{Kind: bridge.KindUnavailable, Op: p.op, Err: fmt.Errorf("the server has these ids, but may not have the messages: %w", err)}
	}
	return nil
}

// take returns how many of msgs are the next portion, one at least, and what they cost of the window.
func (p *pipeline) take(msgs []bridge.Message) (n int, cost int64) {
	for n < len(msgs) {
		c := 1 + sizeOf(&msgs[n])/slot
		if n > 0 && int(cost)+c > p.portion {
			break
		}
		cost += int64(c)
		n++
	}
	return n, min(cost, int64(p.size)) // a message larger than the window has it for itself
}

// fly sends f and waits until it is over, no longer than acknowledgements may take. sent is called when f's messages are copied.
func (p *pipeline) fly(ctx context.Context, f *flight, sent func()) {
	start := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, p.timeout, errAckTimeout)
	defer cancel()
	id, subjects := p.inbox.depart(f)
	defer p.inbox.forget(id)
	if p.link.take(ctx) {
		e := envelopes.Get().(*envelope)
		for i := range f.msgs {
			e.fill(&f.msgs[i])
			f.address(e, i, subjects)
			if !p.link.send(f, &e.msg) {
				break
			}
		}
		e.release()
		p.link.release()
	}
	sent()
	wait(ctx, f)
	p.health.note(f.result(0), !f.wasHeard() && time.Since(start) >= silence)
}

// take waits for the turn to write, and is false when ctx ends before. While a server does not read, one caller hangs in a
// write and the others leave when they want to; and when that write fails, nobody writes behind the hole.
func (l *link) take(ctx context.Context) bool {
	select {
	case l.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *link) release() { <-l.turn }

// send puts one message of f on its way. It is false when that failed, which fails all of f, or when f is over already: what
// comes after a message that got lost must not be stored before it.
func (l *link) send(f *flight, m *natsgo.Msg) bool {
	if f.isOver() {
		return false
	}
	err := l.conn.Load().PublishMsg(m)
	if err == nil {
		return true
	}
	if isLocal(err) {
		f.fail(fault(f.op, err))
		return false
	}
	f.fail(fault(f.op, errDisconnected))
	if !errors.Is(err, natsgo.ErrReconnectBufExceeded) && !errors.Is(err, natsgo.ErrConnectionClosed) {
		// A write failed, and nats.go has dropped what it had buffered, of this call and of others, without ending the
		// connection: what follows would be stored with a hole before it.
		_ = l.conn.Load().ForceReconnect()
	}
	return false
}

// isLocal tells whether err is about the message, refused before anything was written.
func isLocal(err error) bool {
	return errors.Is(err, natsgo.ErrMaxPayload) || errors.Is(err, natsgo.ErrBadSubject) ||
		errors.Is(err, natsgo.ErrBadHeaderMsg) || errors.Is(err, natsgo.ErrHeadersNotSupported)
}

// wait returns when f is over, or when ctx ends, which makes it so.
func wait(ctx context.Context, f *flight) {
	select {
	case <-f.over:
	case <-ctx.Done():
		f.fail(gaveUp(ctx, f.op))
	}
}
