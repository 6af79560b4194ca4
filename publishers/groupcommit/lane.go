package groupcommit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"hrbridge/bridge"
)

var (
	errFull   = errors.New("queue full")
	errClosed = errors.New("closed")
)

// Lane gathers what concurrent callers publish and commits it, one commit at a time, first come first served. It is a
// [bridge.Publisher].
type Lane struct {
	committer Committer
	options   Options
	work      sync.WaitGroup // the goroutine that commits, while there is something to commit

	mu      sync.Mutex
	queue   []*call // calls with messages that no commit has taken yet; only the first may have some that one has
	queued  int     // bytes of those messages
	running bool
	closed  bool

	batch []bridge.Message // what the commit under way was handed; its memory is used again
}

// call is one Publish that waits. Its fields are guarded by the lane's mutex.
type call struct {
	msgs    []bridge.Message
	next    int           // the first message that no commit has taken yet
	size    int           // bytes of the messages from next on
	done    chan error    // the answer; has room for it, so that nobody waits for the caller
	reading chan struct{} // closed when the commit under way needs the messages' bytes no more; nil while none needs them
	gone    bool          // the caller has left: its messages must not be touched
}

// New returns a lane to c.
func New(c Committer, o Options) *Lane {
	return &Lane{committer: c, options: o.complete()}
}

// Publish hands msgs in and waits until they are durable, as [bridge.Publisher] has it. A call that is larger than a commit
// goes in several, one after the other, and stops at the first that fails.
//
// When ctx ends, a call that is still queued is withdrawn and never reaches the committer; one whose bytes are being read
// waits for that, not for the answer. Either way the error is a bridge.KindTimeout.
func (l *Lane) Publish(ctx context.Context, msgs []bridge.Message) error {
	if len(msgs) == 0 {
		return nil
	}
	if ctx.Err() != nil {
		return gaveUp(ctx)
	}
	c := &call{msgs: msgs, done: make(chan error, 1)}
	for i := range msgs {
		c.size += sizeOf(&msgs[i])
	}
	if err := l.enqueue(c); err != nil {
		return &bridge.Error{Kind: bridge.KindUnavailable, Op: "queue for a commit", Err: err}
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return l.leave(ctx, c)
	}
}

// Close refuses new calls and returns when those that wait have their answer. It may be called again.
func (l *Lane) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.work.Wait()
	return nil
}

func (l *Lane) enqueue(c *call) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return errClosed
	case l.queued > 0 && l.queued+c.size > l.options.MaxQueued:
		return errFull
	}
	l.queue = append(l.queue, c)
	l.queued += c.size
	if !l.running {
		l.running = true
		l.work.Go(l.run)
	}
	return nil
}

// leave takes c out, so that nobody touches its messages any more; an answer that is there already is the better one.
func (l *Lane) leave(ctx context.Context, c *call) error {
	for {
		reading, err := l.tryLeave(ctx, c)
		if reading == nil {
			return err
		}
		select {
		case err := <-c.done:
			return err
		case <-reading:
		}
	}
}

// tryLeave returns the call's answer; or, while a commit needs the messages' bytes, what to wait for.
func (l *Lane) tryLeave(ctx context.Context, c *call) (reading <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.reading != nil {
		return c.reading, nil
	}
	select {
	case err = <-c.done:
	default:
		err = gaveUp(ctx)
		c.gone = true
		l.unqueue(c)
	}
	return nil, err
}

// unqueue drops what no commit has taken of c. The mutex is held.
func (l *Lane) unqueue(c *call) {
	if i := slices.Index(l.queue, c); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
		l.queued -= c.size
	}
}

func gaveUp(ctx context.Context) error {
	return &bridge.Error{Kind: bridge.KindTimeout, Op: "wait for a commit", Err: fmt.Errorf("the caller gave up: %w", ctx.Err())}
}
