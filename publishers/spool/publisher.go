package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"hrbridge/bridge"
	"hrbridge/publishers/embedded"
	"hrbridge/publishers/groupcommit"
)

const (
	streamName = "HRBRIDGE_SPOOL"
	folderName = "spool"
	storeName  = "the spool"

	// maxRecord is how many bytes of messages share a record; a larger message has one of its own.
	maxRecord = 1 << 20
	// maxRecordMessages is how many messages share a record.
	maxRecordMessages = 16 << 10
	// appendTime bounds an append, beyond the patience of those who wait for it.
	appendTime = 10 * time.Second
	// hope is how long messages that the broker, ready for others, says to try again are tried before they are dead letters: those
	// of a topic that nobody takes would hold up all others for ever.
	hope = 10 * time.Minute
	// lastMark is how long closing waits for the store.
	lastMark = 2 * time.Second
	// recordOverhead is what a message takes in a record beside its own bytes, its texts counted at their longest.
	recordOverhead = 64 << 10
)

// Inner is the publisher that the spool is around.
type Inner interface {
	bridge.Publisher
	Ready(ctx context.Context) error
	Close() error
}

// Publisher is the spool around a publisher. It is a [bridge.Publisher]; make one with Open.
type Publisher struct {
	inner   Inner
	o       Options
	hope    time.Duration // how long a broker that is ready may refuse the same messages before it refuses them for good
	log     *zap.Logger
	said    *rate.Limiter // changes of mode that are logged: a broker may come and go
	store   *embedded.Store
	lane    *groupcommit.Lane
	mode    mode
	flow    flow
	account *account
	metrics metrics
	drainer *drainer

	stop     context.CancelFunc
	draining sync.WaitGroup
	closed   atomic.Bool
	closing  sync.Once
	failure  error // of closing
}

var errClosed = errors.New("the spool is closed")

// Open opens the spool around inner, which it closes with itself. An error is about the environment: then inner is as it was.
func Open(ctx context.Context, inner Inner, o Options) (*Publisher, error) {
	return open(ctx, inner, o, hope)
}

func open(ctx context.Context, inner Inner, o Options, hope time.Duration) (*Publisher, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	store, err := embedded.OpenStore(ctx, embedded.StoreOptions{
		DataDir: Folder(o.DataDir), Name: storeName, Stream: streamName,
		MaxBytes: o.MaxBytes, MaxRecord: max(maxRecord, o.MaxMessage) + recordOverhead,
		MinFree: o.MinFree, MinFreeKey: "spool.min_free", DiskInterval: o.DiskInterval, Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	p := &Publisher{inner: inner, o: o, hope: hope, log: o.Log, said: rate.NewLimiter(rate.Every(10*time.Second), 4), store: store}
	if p.account, err = recoverAccount(ctx, store, o.Log); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	p.metrics = newMetrics(o.Metrics, p.account)
	p.lane = groupcommit.New(&appender{store: store, mode: &p.mode, flow: &p.flow, account: p.account, metrics: &p.metrics}, groupcommit.Options{
		MaxMessages: maxRecordMessages, MaxBytes: maxRecord, Timeout: appendTime,
	})
	p.drainer = newDrainer(p)
	p.mode.wake = p.drainer.wake
	p.mode.finish(p.account.empty)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	p.draining.Go(func() { p.drainer.run(background) })
	return p, nil
}

// Around is inner with the spool that o asks for around it: inner itself where the mode is Off and no earlier run left anything, whose
// events would otherwise stay here unsaid.
func Around(ctx context.Context, inner Inner, o Options) (Inner, error) {
	folder := Folder(o.DataDir)
	if o.Mode != On {
		if _, err := os.Stat(folder); o.DataDir == "" || errors.Is(err, fs.ErrNotExist) {
			return inner, nil
		}
	}
	p, err := Open(ctx, inner, o)
	if err != nil {
		return nil, err
	}
	if o.Mode != On && p.account.empty() {
		return inner, p.abandon()
	}
	return p, nil
}

// Publish stores msgs, as [bridge.Publisher] has it: on the broker, or else in the spool. What the broker refuses for what it is,
// it refuses here too, as long as calls go straight through.
func (p *Publisher) Publish(ctx context.Context, msgs []bridge.Message) error {
	switch {
	case len(msgs) == 0:
		return nil
	case p.closed.Load():
		return &bridge.Error{Kind: bridge.KindUnavailable, Op: "publish through the spool", Err: errClosed}
	}
	if p.mode.isStraight() {
		if p.o.Mode != On {
			return p.inner.Publish(ctx, msgs)
		}
		err := p.straight(ctx, msgs)
		if err == nil || ctx.Err() != nil || !mayBeSpooled(err) {
			return err
		}
		p.divert(err, len(msgs))
		return p.spool(ctx, msgs)
	}
	straight, err := p.mode.enter(ctx)
	switch {
	case err != nil:
		return err
	case straight:
		return p.Publish(ctx, msgs)
	}
	return p.spool(ctx, msgs)
}

// straight hands msgs to the broker, which has so much time for them that there is enough left to spool them.
func (p *Publisher) straight(ctx context.Context, msgs []bridge.Message) error {
	within := p.o.After
	if end, ok := ctx.Deadline(); ok {
		within = min(within, time.Until(end)/2)
	}
	cut, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return p.inner.Publish(cut, msgs)
}

// mayBeSpooled tells whether err is about the broker and not about the messages. A broker that refuses everything, for want of
// rights, is spooled for like one that is away, and Degraded says so: what is refused to a sender may be lost. One that refuses
// single messages for good is the sender's to know.
func mayBeSpooled(err error) bool {
	e, ok := errors.AsType[*bridge.Error](err)
	return ok && (e.Kind.Retryable() || e.Kind == bridge.KindRefused && len(e.Indexes) == 0)
}

// divert makes calls queue in the spool from now on, and enters it.
func (p *Publisher) divert(cause error, events int) {
	if bridge.KindOf(cause) == bridge.KindTimeout {
		p.metrics.repeats.Add(float64(events)) // the broker may have them, and gets them again
	}
	if p.mode.divert() && p.said.Allow() {
		p.log.Warn("the broker does not take events: they are kept in the spool until it does", zap.Error(cause))
	}
}

// spool makes msgs a durable record. The caller has entered it.
func (p *Publisher) spool(ctx context.Context, msgs []bridge.Message) error {
	err := p.lane.Publish(ctx, msgs)
	p.mode.leave()
	if e, ok := errors.AsType[*bridge.Error](err); ok && e.Kind == bridge.KindFull {
		full := *e
		full.RetryAfter = p.drainer.roomIn()
		return &full
	}
	return err
}

// Ready returns nil when what is published now would be stored, on the broker or in the spool, as far as is known without asking.
func (p *Publisher) Ready(ctx context.Context) error {
	if p.closed.Load() {
		return &bridge.Error{Kind: bridge.KindUnavailable, Op: "look at the spool", Err: errClosed}
	}
	err := p.takes()
	if err == nil || !p.mode.isStraight() {
		return err
	}
	if down := p.inner.Ready(ctx); down != nil {
		return fmt.Errorf("%w; and the spool takes nothing: %w", down, err)
	}
	return nil
}

// takes returns nil when the spool takes what comes, as far as is known, or why not.
func (p *Publisher) takes() error {
	if err := p.store.Ready(); err != nil {
		return err
	}
	if err := p.account.full.Load(); err != nil {
		return *err
	}
	return nil
}

// Degraded is what is wrong although Ready returns nil: events are spooled, or could not be; "" where nothing is.
func (p *Publisher) Degraded(ctx context.Context) string {
	down, full := p.inner.Ready(ctx), p.takes()
	depth := p.account.depth()
	switch {
	case depth.records > 0 && p.drainer.failure() != nil:
		return fmt.Sprintf("nothing leaves the spool: %v; it holds %v", p.drainer.failure(), depth)
	case depth.records > 0:
		return fmt.Sprintf("the spool is being drained and holds %v", depth)
	case down != nil:
		return fmt.Sprintf("the broker does not take events, the spool does: %v", down)
	case full != nil:
		return fmt.Sprintf("the broker takes events; should it stop to, the spool does not: %v", full)
	}
	return ""
}

// Depth is how many events wait in the spool.
func (p *Publisher) Depth() uint64 { return p.account.depth().events }

// Close refuses new calls, waits for those under way and closes the publisher and the spool. What is spooled is sent by the next run.
// It may be called again.
func (p *Publisher) Close() error {
	p.closing.Do(func() {
		p.closed.Store(true)
		p.stop()
		p.draining.Wait()
		err := p.inner.Close()
		p.failure = errors.Join(err, p.abandon())
	})
	return p.failure
}

// abandon closes all but the publisher that the spool is around.
func (p *Publisher) abandon() error {
	p.stop()
	p.draining.Wait()
	_ = p.lane.Close()
	ctx, cancel := context.WithTimeout(context.Background(), lastMark)
	defer cancel()
	err := p.account.mark(ctx, p.store)
	if p.store.Ready() != nil {
		err = nil // which has been said
	}
	for _, c := range p.metrics.all {
		if p.o.Metrics != nil {
			p.o.Metrics.Unregister(c)
		}
	}
	return errors.Join(err, p.store.Close())
}

var _ bridge.Publisher = (*Publisher)(nil)
