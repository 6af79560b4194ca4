package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers"
)

const (
	// So many letters, or so many bytes of them, share a commit.
	replayBatch      = 100
	replayBatchBytes = 4 << 20
	// replayTimeout is how long the broker may take over it.
	replayTimeout = 30 * time.Second
)

// replayer sends dead letters to the topics of a plan.
type replayer struct {
	box     *letterbox
	to      map[place]string
	nonce   string // of this run: a letter that is tried twice in it is stored once, where the broker drops repeats
	mayMake bool   // topics, as the bridge would: not those that somebody may have mistyped
	stdout  io.Writer

	publisher publishers.Publisher
	waiting   []bridge.Message
	bytes     int
	sent      int
}

// run reads what s selects once more and sends what is in the plan.
func (r *replayer) run(ctx context.Context, s selection) error {
	p, err := r.box.broker.Publisher(ctx, r.mayMake)
	if err != nil {
		return brokerError(err)
	}
	r.publisher = p
	err = r.box.each(ctx, s, func(l letter, m bridge.Message) error {
		topic, planned := r.to[l.place()]
		if !planned {
			return nil
		}
		r.waiting = append(r.waiting, r.message(l, m, topic))
		r.bytes += len(m.Value)
		if len(r.waiting) < replayBatch && r.bytes < replayBatchBytes {
			return nil
		}
		return r.flush(ctx)
	})
	if err == nil {
		err = r.flush(ctx)
	}
	return errors.Join(err, p.Close())
}

// message is what is sent for a letter. One that had no event type gets that of the topic, where the topic is named after one.
func (r *replayer) message(l letter, m bridge.Message, topic string) bridge.Message {
	if m.Type == bridge.DeadLetterType {
		prefix := strings.TrimSuffix(r.box.fanout.Topic(l.Source, "x"), "x")
		if t, err := bridge.ParseType(strings.TrimPrefix(topic, prefix)); err == nil {
			m.Type = string(t)
		}
	}
	return m.Replay(topic, r.nonce, l.from(m.Topic))
}

// flush publishes what waits, and says of each message what became of it. The error is one after which there is no use in
// going on.
func (r *replayer) flush(ctx context.Context) error {
	batch := r.waiting
	r.waiting, r.bytes = nil, 0
	err := r.publish(ctx, batch)
	if err == nil || len(batch) == 1 || r.useless(ctx, err) {
		return r.say(ctx, batch, err)
	}
	for i := range batch { // one of them is at fault
		one := batch[i : i+1]
		if err := r.say(ctx, one, r.publish(ctx, one)); err != nil {
			return err
		}
	}
	return nil
}

// useless tells whether the others would fail as this one did.
func (r *replayer) useless(ctx context.Context, err error) bool {
	switch bridge.KindOf(err) {
	case bridge.KindTimeout, bridge.KindFull:
		return true
	default:
		return ctx.Err() != nil || r.publisher.Ready(ctx) != nil
	}
}

func (r *replayer) publish(ctx context.Context, batch []bridge.Message) error {
	ctx, stop := context.WithTimeout(ctx, replayTimeout)
	defer stop()
	return r.publisher.Publish(ctx, batch)
}

// say prints what became of the messages, of which all were stored or none.
func (r *replayer) say(ctx context.Context, batch []bridge.Message, failure error) error {
	for i := range batch {
		var err error
		if failure == nil {
			r.sent++
			_, err = fmt.Fprintf(r.stdout, "sent      %s  to %s\n", printable(batch[i].ID), printable(batch[i].Topic))
		} else {
			_, err = fmt.Fprintf(r.stdout, "failed    %s  to %s: %s\n", printable(batch[i].ID), printable(batch[i].Topic), printable(failure.Error()))
		}
		if err != nil {
			return fmt.Errorf("print what became of a dead letter: %w", err)
		}
	}
	if failure != nil && r.useless(ctx, failure) {
		return brokerError(failure)
	}
	return nil
}
