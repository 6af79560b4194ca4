package groupcommit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"hrbridge/bridge"
)

// part is what a commit has of a call: call.msgs[from:to]. A commit has at most one part of a call.
type part struct {
	call     *call
	from, to int
}

// run commits until nothing waits.
func (l *Lane) run() {
	for parts := l.take(nil); len(parts) > 0; parts = l.take(parts[:0]) {
		l.commit(parts)
		clear(parts)
	}
}

// take cuts the next commit off the queue's front and appends its parts; none means that the queue is empty and that the
// next call has to start run again. A call that fits into a commit is not parted: it rather opens the next one.
func (l *Lane) take(parts []part) []part {
	l.mu.Lock()
	defer l.mu.Unlock()
	count, size, whole := 0, 0, 0
	for _, c := range l.queue {
		rest := len(c.msgs) - c.next
		if count+rest > l.options.MaxMessages || size+c.size > l.options.MaxBytes {
			if rest > l.options.MaxMessages || c.size > l.options.MaxBytes {
				parts = append(parts, l.cut(c, l.options.MaxMessages-count, l.options.MaxBytes-size, count == 0)...)
			}
			break
		}
		parts = append(parts, part{c, c.next, len(c.msgs)})
		count, size, whole = count+rest, size+c.size, whole+1
		l.queued -= c.size
		c.next, c.size = len(c.msgs), 0
	}
	l.queue = slices.Delete(l.queue, 0, whole)
	l.running = len(parts) > 0
	return parts
}

// cut takes from the front of c what fits into count and size, where atLeastOne says so one message that does not.
func (l *Lane) cut(c *call, count, size int, atLeastOne bool) []part {
	from := c.next
	for count > 0 && c.next < len(c.msgs) {
		n := sizeOf(&c.msgs[c.next])
		if n > size && (!atLeastOne || c.next > from) {
			break
		}
		c.next++
		c.size -= n
		l.queued -= n
		count, size = count-1, size-n
	}
	if c.next == from {
		return nil
	}
	return []part{{c, from, c.next}}
}

// commit gets every one of parts an answer, in as many commits as it takes. Nothing that came later goes before it is done,
// so the order of calls is kept whatever has to be repeated.
func (l *Lane) commit(parts []part) {
	for {
		var err error
		if parts, err = l.try(parts, l.committer.Commit); err == nil {
			l.settle(parts, nil)
			return
		}
		if partial, ok := errors.AsType[Partial](err); ok {
			l.settleEach(parts, partial)
			return
		}
		if errors.Is(err, ErrSplit) {
			l.split(parts, err)
			return
		}
		failed, ok := failures(parts, err)
		if !ok {
			l.settle(parts, err)
			return
		}
		var mates []part
		for i, p := range parts {
			if e := failed[i]; e != nil {
				l.settle(parts[i:i+1], e)
			} else {
				mates = append(mates, p)
			}
		}
		parts = mates
	}
}

// split commits parts in halves, and what is left of one call message by message.
func (l *Lane) split(parts []part, refusal error) {
	if half := len(parts) / 2; half > 0 {
		l.commit(parts[:half:half])
		l.commit(parts[half:])
		return
	}
	each, ok := l.committer.(EachCommitter)
	if !ok {
		l.settle(parts, refusal)
		return
	}
	parts, err := l.try(parts, each.CommitEach)
	if failed, ok := failures(parts, err); ok {
		err = failed[0]
	}
	l.settle(parts, err)
}

// try hands the messages of those calls that still wait to commit, and returns their parts and what became of them.
func (l *Lane) try(parts []part, commit func(context.Context, []bridge.Message, func()) error) ([]part, error) {
	reading := make(chan struct{})
	parts = l.begin(parts, reading)
	if len(parts) == 0 {
		return nil, nil
	}
	sent := sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, p := range parts {
			p.call.reading = nil
		}
		close(reading)
	})
	ctx, cancel := context.Background(), context.CancelFunc(func() {})
	if l.options.Timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, l.options.Timeout)
	}
	defer cancel()
	start := time.Now()
	err := guard(ctx, l.batch, sent, commit)
	sent()
	l.options.Observe(len(l.batch), time.Since(start))
	clear(l.batch)
	return parts, err
}

// begin fills the batch with the parts of the callers who still wait and binds them until reading is closed.
func (l *Lane) begin(parts []part, reading chan struct{}) []part {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := parts[:0]
	l.batch = l.batch[:0]
	for _, p := range parts {
		if p.call.gone {
			continue
		}
		p.call.reading = reading
		l.batch = append(l.batch, p.call.msgs[p.from:p.to]...)
		waiting = append(waiting, p)
	}
	return waiting
}

// guard keeps a panic of the committer from taking the callers with it. What was panicked with may hold content, so the
// error says no more than its type.
func guard(ctx context.Context, msgs []bridge.Message, sent func(), commit func(context.Context, []bridge.Message, func()) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &bridge.Error{Kind: bridge.KindInternal, Op: "commit", Err: fmt.Errorf("the committer panicked with a %T", p)}
		}
	}()
	return commit(ctx, msgs, sent)
}

// settle answers the calls of parts: with err, or, where that is nil, when nothing of the call is left to commit.
func (l *Lane) settle(parts []part, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range parts {
		switch c := p.call; {
		case c.gone:
		case err != nil:
			if p.to < len(c.msgs) {
				l.unqueue(c) // a failed part is not followed by later ones
			}
			c.done <- asError(err)
		case p.to == len(c.msgs):
			c.done <- nil
		}
	}
}

// settleEach answers the calls of parts of which some may be durable.
func (l *Lane) settleEach(parts []part, partial Partial) {
	failed := make(map[int]*bridge.Error)
	for _, e := range partial {
		if own, ok := failures(parts, e); ok {
			for i, mine := range own {
				if failed[i] == nil {
					failed[i] = mine
				}
			}
		}
	}
	for i, p := range parts {
		e := failed[i]
		if e == nil {
			l.settle(parts[i:i+1], nil)
			continue
		}
		for x := p.to; x < len(p.call.msgs); x++ {
			e.Indexes = append(e.Indexes, x)
		}
		l.settle(parts[i:i+1], e)
	}
}

// failures are, for each part that err names a message of, the error of its call, with the call's own indexes. It is false
// where err is not about single messages.
func failures(parts []part, err error) (map[int]*bridge.Error, bool) {
	e, ok := errors.AsType[*bridge.Error](err)
	if !ok || len(e.Indexes) == 0 {
		return nil, false
	}
	failed := make(map[int]*bridge.Error)
	start := 0
	for i, p := range parts {
		var own []int
		for _, x := range e.Indexes {
			if x >= start && x < start+p.to-p.from {
				own = append(own, x-start+p.from)
			}
		}
		if own != nil {
			failed[i] = &bridge.Error{Kind: e.Kind, Op: e.Op, Indexes: own, Err: e.Err}
		}
		start += p.to - p.from
	}
	return failed, len(failed) > 0
}

func asError(err error) error {
	if _, ok := errors.AsType[*bridge.Error](err); ok {
		return err
	}
	return &bridge.Error{Kind: bridge.KindInternal, Op: "commit", Err: err}
}
