package nats

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.uber.org/zap"

	"hrbridge/bridge"
	"hrbridge/publishers/groupcommit"
)

// Publisher puts messages on the stream. It is a [bridge.Publisher]; make one with Open.
type Publisher struct {
	op      string
	timeout time.Duration
	link    *link
	inbox   *inbox
	keeper  *keeper
	health  *health
	metrics metrics
	pipe    *pipeline
	lane    *groupcommit.Lane // nil in pipeline mode

	stop    context.CancelFunc
	working sync.WaitGroup

	mu     sync.Mutex
	calls  sync.WaitGroup
	closed bool
}

type metrics struct {
	messages prometheus.Histogram
	duration prometheus.Histogram
}

// Open returns a Publisher to the stream that o describes. It returns one also when the server is out of reach: the
// connection is tried for ever, the stream is provisioned when there is one, and until then Publish and Ready say why not.
// The error is about options that can never work.
func Open(ctx context.Context, o Options) (*Publisher, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open the NATS publisher: %w", err)
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	p := &Publisher{op: "publish to stream " + o.Stream.Name, timeout: o.AckTimeout, health: &health{}}
	p.measure(o.Metrics)
	p.link.log = o.Log
	m := &memory{lost: lostCounter(o.Metrics), log: o.Log.With(zap.String("stream", o.Stream.Name))}
	p.keeper = newKeeper(o, p.link.conn.Load, m)
	p.inbox = newInbox(o.Stream.Name, p.keeper.missing, m.note)
	p.link.setup = p.inbox.subscribe
	p.link.broken = func() { p.keeper.lost(); p.inbox.fail(errDisconnected); p.health.reset() }
	p.link.back = p.keeper.connected
	p.link.denied = p.denied
	p.pipe = newPipeline(p.link, p.inbox, p.health, p.op, o)
	if o.Commit == CommitBatch {
		c := newCommitter(p, o)
		forget := p.link.broken
		p.link.broken = func() { forget(); c.stored.forget() }
		p.lane = groupcommit.New(c, groupcommit.Options{MaxMessages: maxBatch, Observe: p.observe})
	}
	err := p.link.connect(dialing{o.URL, o.Name, o.Auth, o.TLS, o.ConnectTimeout, o.InProcess})
	if err != nil {
		return nil, fmt.Errorf("open the NATS publisher: %w", err)
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	p.working.Go(func() { p.keeper.run(background) })
	return p, nil
}

func (o Options) check() error {
	switch {
	case o.Commit != CommitPipeline && o.Commit != CommitBatch:
		return fmt.Errorf("nats.commit is %q: want %s or %s", o.Commit, CommitPipeline, CommitBatch)
	case o.Stream.Name == "" || len(o.Stream.Subjects) == 0:
		return errors.New("nats: the stream has no name or no subjects")
	case o.Stream.Replicas < 1:
		return errors.New("nats: the stream needs one replica at least")
	case o.Window < 1:
		return errors.New("nats: the window needs room for one message at least")
	case o.ConnectTimeout <= 0 || o.AckTimeout <= 0:
		return errors.New("nats: the timeouts have to be longer than nothing")
	case o.Stream.DuplicateWindow < 100*time.Millisecond:
		return errors.New("nats: the duplicate window has to be 100ms at least")
	case o.Stream.MaxAge > 0 && o.Stream.DuplicateWindow > o.Stream.MaxAge:
		return errors.New("nats: the duplicate window is longer than events are kept: raise the age or shorten the window")
	}
	return nil
}

func (p *Publisher) measure(registerer prometheus.Registerer) {
	register := promauto.With(registerer)
	p.metrics = metrics{
		messages: register.NewHistogram(prometheus.HistogramOpts{
			Name: "hrbridge_commit_messages", Help: "Messages in one commit.", Buckets: prometheus.ExponentialBuckets(1, 2, 15),
		}),
		duration: register.NewHistogram(prometheus.HistogramOpts{
			Name: "hrbridge_commit_duration_seconds", Help: "Time from a commit's first byte to its answer.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}),
	}
	p.link = &link{
		connected: register.NewGauge(prometheus.GaugeOpts{
			Name: "hrbridge_broker_connected", Help: "1 while the broker is connected.",
		}),
		reconnects: register.NewCounter(prometheus.CounterOpts{
			Name: "hrbridge_broker_reconnects_total", Help: "Connections to the broker after the first.",
		}),
	}
}

func (p *Publisher) observe(messages int, took time.Duration) {
	p.metrics.messages.Observe(float64(messages))
	p.metrics.duration.Observe(took.Seconds())
}

// Publish stores msgs, as [bridge.Publisher] has it. A message that is larger than the server or the stream takes is known
// before anything is sent, so that nothing of the call is stored. After another failure any of the messages may be.
func (p *Publisher) Publish(ctx context.Context, msgs []bridge.Message) error {
	if len(msgs) == 0 {
		return nil
	}
	if err := p.enter(); err != nil {
		return err
	}
	defer p.calls.Done()
	if ctx.Err() != nil {
		return gaveUp(ctx, p.op)
	}
	if err := p.standing(); err != nil {
		return err
	}
	if err := p.tooLarge(msgs); err != nil {
		return err
	}
	if p.lane != nil {
		return p.lane.Publish(ctx, msgs)
	}
	start := time.Now()
	err := p.pipe.publish(ctx, msgs)
	p.observe(len(msgs), time.Since(start))
	if err != nil {
		return err
	}
	return nil
}

// standing returns nil when there is a connection and a stream to publish to.
func (p *Publisher) standing() error {
	err := p.keeper.ready()
	if err == nil {
		return nil
	}
	if down := p.link.ready(); down != nil {
		return down
	}
	return err
}

func (p *Publisher) tooLarge(msgs []bridge.Message) error {
	var indexes []int
	largest := p.keeper.limit()
	for i := range msgs {
		if sizeOf(&msgs[i]) > largest {
			indexes = append(indexes, i)
		}
	}
	if indexes == nil {
		return nil
	}
	return &bridge.Error{Kind: bridge.KindTooLarge, Op: p.op, Indexes: indexes, Err: fmt.Errorf("larger, with its headers, than the %d bytes that server and stream take", largest)}
}

// denied is called when the server did not let us use subject, of which it tells the connection and not who waits.
func (p *Publisher) denied(subject string, err error) {
	p.keeper.denied(subject, err)
	p.inbox.refuse(subject, fmt.Errorf("%w: the user needs these permissions, see docs/nats.md", err))
}

// Ready returns nil when what is published now would be stored, as far as is known without asking: the connection stands,
// the stream is as it has to be, and the latest calls do not say that the broker is full, refuses us or cannot store. The
// error is a [*bridge.Error].
func (p *Publisher) Ready(context.Context) error {
	if err := p.link.ready(); err != nil {
		return err
	}
	if err := p.keeper.ready(); err != nil {
		return err
	}
	if err := p.health.ready(); err != nil {
		return err
	}
	return nil
}

// enter counts a call in, so that Close waits for it.
func (p *Publisher) enter() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return &bridge.Error{Kind: bridge.KindUnavailable, Op: p.op, Err: errClosed}
	}
	p.calls.Add(1)
	return nil
}

// Close refuses new calls, waits for those under way, no longer than the time for acknowledgements, and closes the
// connection. It may be called again.
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
	p.link.close()
	p.inbox.fail(errClosed)
	if p.lane != nil {
		_ = p.lane.Close()
	}
	<-drained
	p.working.Wait()
	return nil
}

var _ bridge.Publisher = (*Publisher)(nil)
