package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"go.uber.org/zap"

	"hrbridge/bridge"
)

const (
	opPublish = "publish to Kafka"
	// maxMessages and maxBytes bound one commit, which goes in one request as far as one batch a partition can have it.
	maxMessages = 4000
	maxBytes    = 8 << 20
)

var errClosed = errors.New("the publisher is closed")

// Publisher puts messages on a Kafka cluster. It is a [bridge.Publisher]; make one with Open.
type Publisher struct {
	timeout    time.Duration
	required   []string // topics
	idempotent bool
	codec      codec
	transport  *kafkago.Transport
	cluster    *cluster
	keeper     *keeper
	producers  *producers
	leads      *leads
	lanes      *lanes
	health     *health
	metrics    metrics
	turn       atomic.Uint32 // counts turns of partitions for messages without a key

	background context.Context //nolint:containedctx // ends with the publisher; commits outlive the callers whose contexts they share
	stop       context.CancelFunc
	working    sync.WaitGroup

	mu     sync.Mutex
	calls  sync.WaitGroup
	closed bool
}

// Open returns a Publisher to the cluster that o describes. It returns one also when no broker is in reach: they are tried for
// ever, the topics are made or checked when there are any, and until then Publish and Ready say why not. The error is about
// options that can never work.
func Open(ctx context.Context, o Options) (*Publisher, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open the Kafka publisher: %w", err)
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	transport, err := o.transport()
	if err != nil {
		return nil, fmt.Errorf("open the Kafka publisher: %w", err)
	}
	control, err := o.transport()
	if err != nil {
		return nil, fmt.Errorf("open the Kafka publisher: %w", err)
	}
	p := &Publisher{
		timeout: o.AckTimeout, required: slices.Clone(o.Topics.Names), idempotent: o.Idempotent, codec: o.Compression.codec(),
		transport: transport, leads: newLeads(), health: &health{}, metrics: measure(o.Metrics),
	}
	p.background, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	p.lanes = newLanes(p)
	p.keeper = newKeeper(o, o.client(control))
	p.cluster = newCluster(control, transport, o)
	p.cluster.changed, p.cluster.looked = p.changed, p.looked
	p.producers = newProducers(control, p.cluster.addr)
	p.working.Go(func() { p.cluster.run(p.background) })
	p.working.Go(func() { p.keeper.run(p.background) })
	if p.idempotent {
		p.working.Go(func() { p.producers.run(p.background, o.Log) })
	}
	return p, nil
}

// looked is told of every look that found the cluster: what failed while it was away is looked at again.
func (p *Publisher) looked() {
	if err := p.keeper.ready(); err != nil && err.Kind.Retryable() {
		p.keeper.again()
	}
}

// changed is told when the cluster comes into reach and when it goes.
func (p *Publisher) changed(up, again bool) {
	if !up {
		p.metrics.connected.Set(0)
		return
	}
	p.metrics.connected.Set(1)
	p.health.reset()
	p.producers.connected()
	if again {
		p.metrics.reconnects.Inc()
	}
}

// Publish stores msgs, as [bridge.Publisher] has it. A message that is larger than its topic takes is known before anything
// is sent, where the cluster told what topics take, so that nothing of the call is stored. After another failure any of the
// messages may be.
func (p *Publisher) Publish(ctx context.Context, msgs []bridge.Message) error {
	if len(msgs) == 0 {
		return nil
	}
	if err := p.enter(); err != nil {
		return err
	}
	defer p.calls.Done()
	if ctx.Err() != nil {
		return &bridge.Error{Kind: bridge.KindTimeout, Op: opPublish, Err: ctx.Err()}
	}
	if err := p.cluster.ready(); err != nil {
		return err
	}
	topics := topicsOf(msgs)
	if err := p.keeper.ensure(ctx, topics); err != nil {
		return err
	}
	if err := p.tooLarge(msgs); err != nil {
		return err
	}
	if err := p.deliver(ctx, msgs, topics); err != nil {
		return err
	}
	return nil
}

// deliver tries until every message is stored, as long as what is not may be tried again and there is time.
func (p *Publisher) deliver(ctx context.Context, msgs []bridge.Message, topics []string) *bridge.Error {
	places := make([]int, len(msgs))
	for i := range places {
		places[i] = i
	}
	began := time.Now()
	var before *bridge.Error
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := p.lanes.publish(ctx, msgs, places)
		switch {
		case err == nil:
			return nil
		case !isRepeatable(err) || len(err.Indexes) == 0:
			return after(err, before)
		}
		if took := time.Since(began); took > p.timeout || ctx.Err() != nil {
			if took > time.Second {
				p.health.failed(err)
			}
			return err
		}
		before, places = err, err.Indexes
		if !errors.Is(err, kafkago.NotEnoughReplicas) { // which says nothing against leaders or connections
			p.cluster.wrong(ctx)
		}
		rest(ctx, pause)
		if away := p.cluster.ready(); away != nil {
			return away
		}
		if missing := p.keeper.ensure(ctx, topics); missing != nil {
			return missing
		}
	}
}

// after is err, with what had to be tried again before it: the deadline of a caller tells nobody what he waited for.
func after(err, before *bridge.Error) *bridge.Error {
	if before == nil || err.Kind != bridge.KindTimeout {
		return err
	}
	return &bridge.Error{Kind: err.Kind, Op: err.Op, Indexes: err.Indexes, Err: fmt.Errorf("%w; before that: %w", err.Err, before)}
}

func topicsOf(msgs []bridge.Message) []string {
	var topics []string
	for i := range msgs {
		if !slices.Contains(topics, msgs[i].Topic) {
			topics = append(topics, msgs[i].Topic)
		}
	}
	return topics
}

func (p *Publisher) tooLarge(msgs []bridge.Message) error {
	var indexes []int
	var smallest int
	for i := range msgs {
		if limit := p.keeper.limit(msgs[i].Topic); limit > 0 && sizeOf(&msgs[i]) > limit {
			indexes = append(indexes, i)
			smallest = limit
		}
	}
	if indexes == nil {
		return nil
	}
	return &bridge.Error{
		Kind: bridge.KindTooLarge, Op: opPublish, Indexes: indexes,
		Err: fmt.Errorf("larger, with its headers, than the %d bytes that the topic takes (max.message.bytes)", smallest),
	}
}

// Ready returns nil when what is published now would be stored, as far as is known without asking: the cluster is in reach,
// the topics are as they have to be, their partitions have leaders and replicas enough, and the latest commits do not say
// that the cluster refuses us or cannot store. The error is a [*bridge.Error].
func (p *Publisher) Ready(context.Context) error {
	if p.isClosed() {
		return &bridge.Error{Kind: bridge.KindUnavailable, Op: opPublish, Err: errClosed}
	}
	for _, part := range []func() *bridge.Error{
		p.cluster.ready,
		p.keeper.ready,
		p.identified,
		func() *bridge.Error { return p.cluster.leaderless(p.required, p.keeper.minInSync) },
		p.health.ready,
	} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// identified returns nil where batches have a producer, or need none.
func (p *Publisher) identified() *bridge.Error {
	if !p.idempotent {
		return nil
	}
	return p.producers.ready()
}

func (p *Publisher) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// enter counts a call in, so that Close waits for it.
func (p *Publisher) enter() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return &bridge.Error{Kind: bridge.KindUnavailable, Op: opPublish, Err: errClosed}
	}
	p.calls.Add(1)
	return nil
}

// Close refuses new calls, waits for those under way, no longer than the time for acknowledgements, and closes the
// connections. It may be called again.
func (p *Publisher) Close() error {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	p.mu.Unlock()
	if !first {
		p.working.Wait()
		return nil
	}
	drained := make(chan struct{})
	go func() { p.calls.Wait(); close(drained) }()
	select {
	case <-drained:
	case <-time.After(p.timeout):
	}
	p.stop()
	p.lanes.close()
	<-drained
	p.working.Wait()
	p.transport.CloseIdleConnections()
	p.cluster.control.CloseIdleConnections()
	p.metrics.connected.Set(0)
	return nil
}

var _ bridge.Publisher = (*Publisher)(nil)
