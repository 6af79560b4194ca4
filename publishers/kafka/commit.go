package kafka

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"hrbridge/bridge"
	"hrbridge/publishers/groupcommit"
)

const (
	firstPause = 10 * time.Millisecond
	lastPause  = 400 * time.Millisecond
	// A broker that calls one new producer after the other astray is not asked for ever.
	maxAstray = 3
)

// committer commits what has gathered for one leader.
//
// What is certainly not stored, because a leader moved or replicas are missing, it hands back at once as a repeat, so that the
// callers whose messages are stored do not wait for it; Publish tries those again. Only a batch that may be stored is sent
// again here, as the same bytes, until a broker has said what became of it.
type committer struct {
	p      *Publisher
	broker int32
}

// Commit stores msgs, each partition for itself: its error is a groupcommit.Partial.
func (c *committer) Commit(_ context.Context, msgs []bridge.Message, sent func()) error {
	w := &work{p: c.p, done: make(chan struct{})}
	w.assign(msgs, c.broker)
	w.enqueue()
	defer w.leave()
	w.encode(msgs)
	sent()
	w.await()
	ctx, cancel := context.WithTimeout(c.p.background, c.p.timeout)
	defer cancel()
	w.run(ctx)
	return w.result()
}

// work is one commit under way.
type work struct {
	p       *Publisher
	queues  []*queue
	done    chan struct{}       // closed when this commit is done with its partitions
	failed  groupcommit.Partial // for good
	repeat  []int               // places of messages that are not stored and may be tried again
	because *bridge.Error       // why, of one of them
}

// queue is what a commit has for one partition. Its portions go one after the other.
type queue struct {
	*lead
	topic    string
	index    int
	before   <-chan struct{} // closed when the commit before us is done with the partition
	portions []*portion
	size     int // of the last portion
	astray   int
}

// run sends until every portion has its answer or ctx ends.
func (w *work) run(ctx context.Context) {
	for pause := firstPause; ; {
		w.queues = slices.DeleteFunc(w.queues, func(q *queue) bool { return len(q.portions) == 0 })
		if len(w.queues) == 0 {
			return
		}
		if ctx.Err() != nil {
			break
		}
		if w.round(ctx) {
			pause = firstPause
			continue
		}
		if slices.ContainsFunc(w.queues, func(q *queue) bool { return len(q.portions) > 0 }) {
			w.p.cluster.wrong(ctx)
			rest(ctx, pause)
			pause = min(2*pause, lastPause)
		}
	}
	for _, q := range w.queues {
		w.giveUp(q, context.DeadlineExceeded)
	}
}

// round sends the first portion of each queue to its leader, and is true when none of them has to be sent again.
func (w *work) round(ctx context.Context) bool {
	layout := w.p.cluster.current()
	leaders := make(map[int32][]*queue)
	progress := true
	for _, q := range w.queues {
		broker := layout.leads(q.topic, q.index)
		switch {
		case broker != noBroker:
			if err := w.identify(ctx, q); err != nil {
				w.settle(q, err)
				continue
			}
			leaders[broker] = append(leaders[broker], q)
		case q.portions[0].unsure:
			progress = false
		default:
			w.settle(q, kafkago.LeaderNotAvailable)
		}
	}
	var sending sync.WaitGroup
	answers := make(map[int32][]error, len(leaders))
	var mu sync.Mutex
	send := func(broker int32, queues []*queue) {
		heads := make([]*portion, len(queues))
		for i, q := range queues {
			heads[i] = q.portions[0]
		}
		got := w.p.produce(ctx, broker, heads)
		mu.Lock()
		defer mu.Unlock()
		answers[broker] = got
	}
	for broker, queues := range leaders {
		if len(leaders) == 1 {
			send(broker, queues)
		} else {
			sending.Go(func() { send(broker, queues) })
		}
	}
	sending.Wait()
	for broker, queues := range leaders {
		for i, q := range queues {
			if !w.settle(q, answers[broker][i]) {
				progress = false
			}
		}
	}
	return progress
}

// identify gives the queue's first portion the place that it keeps.
func (w *work) identify(ctx context.Context, q *queue) error {
	head := q.portions[0]
	if head.sent || !w.p.idempotent {
		head.sent = true
		return nil
	}
	id, err := q.sequence.next(ctx, w.p.producers, len(head.places))
	if err != nil {
		return producerFault(err) // whatever came of the question, nothing was published
	}
	head.frame.stamp(id)
	head.sent = true
	return nil
}

// settle takes in an answer to the queue's first portion, and is false where that has to be sent again.
func (w *work) settle(q *queue, err error) bool {
	head := q.portions[0]
	if code, ok := errors.AsType[kafkago.Error](err); err != nil && (!ok || code == kafkago.BrokerNotAvailable) {
		w.p.cluster.broke()
	}
	switch w.verdict(head, err) {
	case stored:
		w.stored(q)
	case again:
		if head.unsure {
			return false
		}
		if errors.Is(err, kafkago.UnknownTopicOrPartition) {
			w.p.keeper.missing(q.topic)
		}
		w.later(q, explain(head, err, false))
	case unsure:
		head.unsure = true
		return false
	case lost:
		head.unsure = true
		w.fail(q, err)
	case tooMuch:
		w.tooMuch(q, err)
	case astray:
		q.sequence.forget()
		q.astray++
		if !head.unsure && q.astray < maxAstray {
			head.sent = false // the next round gives it a place of the new producer
			return true
		}
		w.fail(q, err)
	case hopeless:
		w.fail(q, err)
	}
	return true
}

// verdict is what the answer says about the portion, given what is known of it.
func (w *work) verdict(head *portion, err error) verdict {
	v := verdictOf(err)
	code, _ := errors.AsType[kafkago.Error](err)
	switch {
	case code == kafkago.DuplicateSequenceNumber && head.unsure:
		return stored
	case code == kafkago.DuplicateSequenceNumber:
		return astray
	case !w.p.idempotent && (code == kafkago.NotEnoughReplicasAfterAppend || code == kafkago.RequestTimedOut):
		return lost // it is stored already: to send it again would double it
	case v == unsure && !head.sent:
		return again
	}
	return v
}

func (w *work) stored(q *queue) {
	head := q.portions[0]
	q.sequence.taken(len(head.places))
	if !head.unsure { // then a send that nobody waits for any more might still read it
		head.frame.release()
	}
	q.portions = q.portions[1:]
}

// tooMuch halves what goes into a batch for the topic, or refuses the one message that is too large by itself.
func (w *work) tooMuch(q *queue, err error) {
	head := q.portions[0]
	switch {
	case head.unsure:
		w.fail(q, err)
	case len(head.places) > 1:
		q.most.Store(int64(max(len(head.frame.raw)/2, 1)))
		w.later(q, explain(head, err, false))
	default:
		w.failed = append(w.failed, explain(head, err, false))
		q.portions = q.portions[1:]
	}
}

// fail gives the queue's first portion up, and what is behind it back.
func (w *work) fail(q *queue, err error) {
	head := q.portions[0]
	if head.unsure {
		q.sequence.doubt()
	}
	w.failed = append(w.failed, explain(head, err, head.unsure))
	q.portions = q.portions[1:]
	w.later(q, explain(head, err, false))
}

// giveUp ends a queue whose time is over.
func (w *work) giveUp(q *queue, err error) {
	if q.portions[0].unsure {
		w.p.cluster.again() // perhaps nobody is there
		w.fail(q, err)
		return
	}
	w.later(q, explain(q.portions[0], err, false))
}

// later hands back all that the queue holds: it is not stored.
func (w *work) later(q *queue, why *bridge.Error) {
	w.repeat = append(w.repeat, q.places()...)
	if len(q.portions) > 0 && w.because == nil {
		w.because = why
	}
	q.portions = nil
}

// result is what becomes of the commit.
func (w *work) result() error {
	for _, e := range w.failed {
		w.p.health.failed(e)
	}
	all := w.failed
	if len(w.repeat) > 0 {
		slices.Sort(w.repeat)
		all = append(all, &bridge.Error{Kind: w.because.Kind, Op: w.because.Op, Indexes: w.repeat, Err: &repeatable{w.because.Err}})
	}
	if len(all) == 0 {
		w.p.health.stored()
		return nil
	}
	return all
}

// repeatable is the cause of a failure after which the messages are certainly not stored and may be tried again.
type repeatable struct{ error }

// Unwrap returns the cause.
func (r *repeatable) Unwrap() error { return r.error }

func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
