package kafka

import (
	"context"
	"errors"
	"slices"
	"sync"

	"hrbridge/bridge"
	"hrbridge/publishers/groupcommit"
)

// lanes are one for each leader. A single lane whose commits go to all leaders side by side would be simpler, and as slow as
// the slowest of them: a broker that is silent would hold what others could have stored. Which lane a message takes matters
// for speed only; order is kept where commits meet, see leads. Two lanes for a leader were no faster (one broker, two cores).
type lanes struct {
	p *Publisher

	mu     sync.Mutex
	open   map[int32]*groupcommit.Lane // by the broker; those without a leader have one, too
	closed bool
}

func newLanes(p *Publisher) *lanes {
	return &lanes{p: p, open: make(map[int32]*groupcommit.Lane)}
}

func (l *lanes) to(broker int32) (*groupcommit.Lane, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, &bridge.Error{Kind: bridge.KindUnavailable, Op: opPublish, Err: errClosed}
	}
	lane := l.open[broker]
	if lane == nil {
		lane = groupcommit.New(&committer{p: l.p, broker: broker}, groupcommit.Options{
			MaxMessages: maxMessages, MaxBytes: maxBytes, Observe: l.p.observe,
		})
		l.open[broker] = lane
	}
	return lane, nil
}

// close refuses new calls and returns when those under way have their answer.
func (l *lanes) close() {
	l.mu.Lock()
	l.closed = true
	open := l.open
	l.mu.Unlock()
	for _, lane := range open {
		_ = lane.Close()
	}
}

// publish hands each of the messages at places to the lane of its leader and waits for all. An error's Indexes are positions
// in msgs; that of a repeat names all that are to be tried again.
func (l *lanes) publish(ctx context.Context, msgs []bridge.Message, places []int) *bridge.Error {
	groups := l.group(msgs, places)
	if len(groups) == 1 {
		for broker := range groups {
			return l.send(ctx, broker, msgs, places)
		}
	}
	var sending sync.WaitGroup
	var mu sync.Mutex
	var errs []*bridge.Error
	for broker, places := range groups {
		sending.Go(func() {
			err := l.send(ctx, broker, msgs, places)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	sending.Wait()
	return worst(errs)
}

// group sorts places by the leaders of their messages' partitions.
func (l *lanes) group(msgs []bridge.Message, places []int) map[int32][]int {
	layout := l.p.cluster.current()
	groups := make(map[int32][]int, 1)
	turn := int(l.p.turn.Load()) // of those without a key
	for _, i := range places {
		m := &msgs[i]
		broker := int32(noBroker)
		if n := layout.partitions(m.Topic); n > 0 && m.Key != "" {
			broker = layout.leads(m.Topic, partitionOf(m.Key, n))
		} else if n > 0 {
			broker = layout.leads(m.Topic, turn%n)
		}
		groups[broker] = append(groups[broker], i)
	}
	return groups
}

func (l *lanes) send(ctx context.Context, broker int32, msgs []bridge.Message, places []int) *bridge.Error {
	lane, err := l.to(broker)
	if err == nil {
		part := msgs
		if len(places) < len(msgs) {
			part = make([]bridge.Message, len(places))
			for i, x := range places {
				part[i] = msgs[x]
			}
		}
		err = lane.Publish(ctx, part)
	}
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*bridge.Error](err)
	if !ok {
		return &bridge.Error{Kind: bridge.KindInternal, Op: opPublish, Err: err}
	}
	own := &bridge.Error{Kind: e.Kind, Op: e.Op, Err: e.Err}
	for _, x := range e.Indexes {
		own.Indexes = append(own.Indexes, places[x])
	}
	return own
}

// worst is the one error for several: what no repeat mends before what one may, and a repeat only where there is nothing else.
// Those that count the same are one.
func worst(errs []*bridge.Error) *bridge.Error {
	rank := func(e *bridge.Error) int {
		switch {
		case isRepeatable(e):
			return 0
		case e.Kind.Retryable():
			return 1
		case e.Kind == bridge.KindTooLarge:
			return 3
		}
		return 2
	}
	var found *bridge.Error
	for _, e := range errs {
		switch {
		case found == nil || rank(e) > rank(found):
			found = e
		case rank(e) < rank(found):
		case found.Indexes == nil || e.Indexes == nil:
			found.Indexes = nil
		default:
			found.Indexes = append(found.Indexes, e.Indexes...)
		}
	}
	if found != nil {
		slices.Sort(found.Indexes)
	}
	return found
}

func isRepeatable(err error) bool {
	_, ok := errors.AsType[*repeatable](err)
	return ok
}
