package nats

import (
	"context"
	"errors"
	"fmt"

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
	fresh  selection // of the commit under way: there is one at a time
}

func newCommitter(p *Publisher, o Options) *committer {
	return &committer{p: p, stored: newRecent(o.Stream.DuplicateWindow), fresh: selection{ids: make(map[string]struct{})}}
}

// Commit stores msgs all or none.
//
// The server refuses a batch as a whole for one id that it has already. So what this process knows to be stored, and the
// second of two equal ids, does not go into it: a storm of redeliveries costs nothing. What the server knows and we do not,
// of an earlier run or another replica, is what groupcommit.ErrSplit is for.
func (c *committer) Commit(ctx context.Context, msgs []bridge.Message, sent func()) error {
	defer c.fresh.clear()
	defer sent()
	c.stored.without(msgs, &c.fresh)
	fresh := c.fresh.msgs
	if len(fresh) == 1 {
		return c.each(ctx) // a batch of one is a plain message, which the server stores faster
	}
	if err := c.p.standing(); err != nil || len(fresh) == 0 {
		return err
	}
	f := newFlight(c.p.op, fresh, nuid.Next())
	c.p.pipe.fly(ctx, f, sent)
	err := f.result(0)
	if err != nil {
		if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.ErrorCode == codeBatchDuplicate {
			return fmt.Errorf("%w: %w", groupcommit.ErrSplit, err)
		}
	}
	return c.done(err)
}

// CommitEach stores msgs one by one, and counts those that are stored already as stored.
func (c *committer) CommitEach(ctx context.Context, msgs []bridge.Message, sent func()) error {
	defer c.fresh.clear()
	defer sent()
	c.stored.without(msgs, &c.fresh)
	return c.each(ctx)
}

// each stores what is fresh.
func (c *committer) each(ctx context.Context) error {
	if err := c.p.standing(); err != nil {
		return err
	}
	return c.done(c.p.pipe.publish(ctx, c.fresh.msgs))
}

// done turns what became of what was fresh into what becomes of the commit.
func (c *committer) done(err *bridge.Error) error {
	if err == nil {
		c.stored.add(c.fresh.msgs)
		return nil
	}
	for i, x := range err.Indexes {
		err.Indexes[i] = c.fresh.places[x]
	}
	return err
}
