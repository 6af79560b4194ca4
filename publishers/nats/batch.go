package nats

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"hrbridge/bridge"
	"hrbridge/publishers/groupcommit"
)

// maxBatch is how many messages the server takes in one atomic batch.
const maxBatch = 1000

// committer commits what has gathered as one atomic batch (ADR-50): one sync of the disk for all of it.
type committer struct {
	p      *Publisher
	stored *recent
}

// Commit stores msgs all or none.
//
// The server refuses a batch as a whole for one id that it has already. So what this process knows to be stored, and the
// second of two equal ids, does not go into it: a storm of redeliveries costs nothing. What the server knows and we do not,
// of an earlier run or another replica, is what groupcommit.ErrSplit is for.
func (c *committer) Commit(ctx context.Context, msgs []bridge.Message, sent func()) error {
	fresh, places := c.stored.without(msgs)
	if len(fresh) == 1 {
		return c.each(ctx, fresh, places, sent) // a batch of one is a plain message, which the server stores faster
	}
	defer sent()
	if err := c.p.standing(); err != nil || len(fresh) == 0 {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.p.timeout, errAckTimeout)
	defer cancel()
	f := newFlight(c.p.op, fresh, nuid.Next())
	c.p.pipe.fly(ctx, f, sent)
	_, err := f.result(0)
	if err == nil {
		c.stored.add(fresh)
		return nil
	}
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		switch api.ErrorCode {
		case codeBatchDuplicate:
			return fmt.Errorf("%w: %w", groupcommit.ErrSplit, err)
		case codeBatchDisabled:
			c.p.keeper.connected() // somebody changed the stream
		}
	}
	return err
}

// CommitEach stores msgs one by one, and counts those that are stored already as stored.
func (c *committer) CommitEach(ctx context.Context, msgs []bridge.Message, sent func()) error {
	fresh, places := c.stored.without(msgs)
	return c.each(ctx, fresh, places, sent)
}

// each stores msgs, which are at places of what was to be committed.
func (c *committer) each(ctx context.Context, msgs []bridge.Message, places []int, sent func()) error {
	defer sent()
	if err := c.p.standing(); err != nil {
		return err
	}
	_, err := c.p.store(ctx, msgs)
	if err == nil {
		c.stored.add(msgs)
		return nil
	}
	for i, x := range err.Indexes {
		err.Indexes[i] = places[x]
	}
	slices.Sort(err.Indexes)
	return err
}
