package spool

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"hrbridge/bridge"
)

// deliver publishes msgs in order. What the broker refuses for good becomes a dead letter in its place, so that the rest goes on; a
// dead letter that it refuses too is set aside. An error says that the messages have to wait.
func (d *drainer) deliver(ctx context.Context, msgs []bridge.Message) error {
	for len(msgs) > 0 {
		err := d.inner.Publish(ctx, msgs)
		if err == nil {
			return nil
		}
		e, ok := errors.AsType[*bridge.Error](err)
		switch {
		case !ok || e.Kind.Retryable() && !d.hopeless(ctx, e):
			return err
		case e.Kind == bridge.KindRefused && len(e.Indexes) == 0 && d.inner.Ready(ctx) != nil:
			return err // it refuses everything, until somebody changes its configuration or our rights
		case len(e.Indexes) == 0 && len(msgs) > 1: // some of them, and which is not known
			half := len(msgs) / 2
			if err := d.deliver(ctx, msgs[:half]); err != nil {
				return err
			}
			msgs = msgs[half:]
			continue
		case len(e.Indexes) == 0:
			e = &bridge.Error{Kind: e.Kind, Op: e.Op, Indexes: []int{0}, Err: e.Err}
		}
		if msgs, err = d.bury(ctx, msgs, e); err != nil {
			return err
		}
	}
	return nil
}

// hopeless tells whether messages that are to be tried again were tried for long enough, by a broker that takes others.
func (d *drainer) hopeless(ctx context.Context, e *bridge.Error) bool {
	return e.Kind == bridge.KindUnavailable && len(e.Indexes) > 0 && d.fails > 0 && time.Since(d.failing) > d.hope && d.inner.Ready(ctx) == nil
}

// sayLetters counts the dead letters of messages that were sent, and says that there are some.
func (d *drainer) sayLetters() {
	for reason, n := range d.letters {
		d.metrics.letters.WithLabelValues(string(reason)).Add(float64(n))
		d.log.Warn("the broker refuses events of the spool for good: they are dead letters now", zap.Int("events", n), zap.String("reason", string(reason)))
	}
	clear(d.letters)
}

// bury makes dead letters of the messages that e names, and returns what is to be sent now.
func (d *drainer) bury(ctx context.Context, msgs []bridge.Message, e *bridge.Error) ([]bridge.Message, error) {
	reason := bridge.ReasonRefused
	if e.Kind == bridge.KindTooLarge {
		reason = bridge.ReasonTooLarge
	}
	left := slices.Clone(msgs)
	var aside []bridge.Message
	letters := 0
	for _, i := range e.Indexes {
		switch {
		case i < 0 || i >= len(left):
			return nil, e
		case left[i].Topic != d.o.DeadLetterTopic:
			left[i] = left[i].DeadLetter(d.o.DeadLetterTopic, reason)
			letters++
		case e.Kind != bridge.KindTooLarge:
			return nil, e // not even dead letters: it is us that it refuses
		default:
			aside = append(aside, left[i])
			left[i].Topic = ""
		}
	}
	if err := d.setAside(ctx, aside, e); err != nil {
		return nil, err
	}
	d.letters[reason] += letters
	return slices.DeleteFunc(left, func(m bridge.Message) bool { return m.Topic == "" }), nil
}

// setAside keeps messages that cannot even be dead letters out of the way, in the store. They are tried again when the bridge starts.
func (d *drainer) setAside(ctx context.Context, msgs []bridge.Message, e *bridge.Error) error {
	if len(msgs) == 0 {
		return nil
	}
	if _, err := d.store.Aside.Append(ctx, encode(nil, head{count: len(msgs)}, msgs)); err != nil {
		return err
	}
	d.log.Error("the broker takes events of the spool neither on their topics nor as dead letters: they are kept aside on this machine and tried "+
		"again at the next start; raise the largest message that the broker takes", zap.Int("events", len(msgs)), zap.Error(e))
	return nil
}

// returnAside puts what was set aside back into the spool.
func (d *drainer) returnAside(ctx context.Context) {
	records, err := d.store.Aside.Read(ctx, 0, readRecords, readBytes)
	for ; err == nil && len(records) > 0; records, err = d.store.Aside.Read(ctx, 0, readRecords, readBytes) {
		for _, r := range records {
			_, msgs, unreadable := decode(r.Data, nil)
			if future, ok := errors.AsType[*futureError](unreadable); ok {
				err = future
				break
			}
			if unreadable != nil {
				d.log.Error("a record that was set aside cannot be read", zap.Error(unreadable))
			}
			d.mode.divert()
			err = d.lane.Publish(ctx, msgs)
			d.mode.leave()
			if err == nil {
				err = d.store.Aside.Remove(ctx, r.Sequence)
			}
			if err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	if err != nil && ctx.Err() == nil {
		d.log.Error("what was set aside stays so until the next start", zap.Error(err))
	}
}
