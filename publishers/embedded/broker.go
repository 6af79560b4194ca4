package embedded

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
)

// settleTime is how long Open waits for the publisher to be ready. What takes longer is a matter of Ready.
const settleTime = 10 * time.Second

const brokerName = "the embedded broker"

// Broker is the server inside the process and the publisher on it. It is a [bridge.Publisher]; make one with Open.
type Broker struct {
	host
	publisher *nats.Publisher

	closed  atomic.Bool
	closing sync.Once
	failure error // of closing
}

// Open takes the data folder, starts the server in it and opens the publisher. Its errors say in one line what to do; one
// that is [ErrConfiguration] is about the options, any other about the environment.
func Open(ctx context.Context, o Options) (*Broker, error) {
	return open(ctx, o, statFree)
}

func open(ctx context.Context, o Options, free freeSpace) (*Broker, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	f, err := openFolder(o.DataDir)
	if err != nil {
		return nil, err
	}
	b := &Broker{host: host{
		name: brokerName, log: o.Log, folder: f, interval: o.DiskInterval,
		disk: &disk{path: o.DataDir, op: "publish to " + brokerName, minFree: o.MinFree, key: "embedded.min_free", free: free},
	}}
	b.silent = func(ctx context.Context) bool { return bridge.KindOf(b.publisher.Ready(ctx)) == bridge.KindTimeout }
	if err := b.start(ctx, o); err != nil {
		return nil, errors.Join(err, f.release())
	}
	return b, nil
}

// start starts all but the folder; after an error nothing of it runs.
func (b *Broker) start(ctx context.Context, o Options) error {
	stored, err := b.folder.stored()
	if err != nil {
		return err
	}
	maxStore, err := b.disk.limit(o.MaxStore, stored)
	if err != nil {
		return err
	}
	access := newAccess(o)
	if b.engine, err = o.engine(access, maxStore); err != nil {
		return err
	}
	b.engine.prepare = b.folder.writeNewestAnew
	if o.Listen != "" {
		if err := b.folder.admit(access.operator); err != nil {
			return err
		}
	}
	if err := b.engine.start(); err != nil {
		return err
	}
	if b.publisher, err = nats.Open(ctx, o.publisher(b.engine, access)); err != nil {
		b.engine.stop()
		return misconfigured("%w", err)
	}
	if host, _, err := o.address(); err == nil && !loopback(host) && o.TLS.CertFile == "" {
		b.log.Warn("subscribers from elsewhere send their credentials, and are sent personal data, in clear text: "+
			"set embedded.tls.cert_file and embedded.tls.key_file", zap.String("listen", o.Listen))
	}
	b.begin(ctx)
	b.settle(ctx)
	return nil
}

// settle waits until the publisher is ready, which takes milliseconds where nothing is wrong.
func (b *Broker) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for b.publisher.Ready(ctx) != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// Publish stores msgs, as [bridge.Publisher] has it. While the disk is nearly full it refuses them as bridge.KindFull
// before they come near the store.
func (b *Broker) Publish(ctx context.Context, msgs []bridge.Message) error {
	if len(msgs) == 0 {
		return nil
	}
	if b.closed.Load() {
		return b.closedError("publish to")
	}
	if err := b.disk.room(); err != nil {
		return err
	}
	return b.publisher.Publish(ctx, msgs)
}

// Ready returns nil when what is published now would be stored, as far as is known without asking, or why not.
func (b *Broker) Ready(ctx context.Context) error {
	if b.closed.Load() {
		return b.closedError("look at")
	}
	if err := b.disk.room(); err != nil {
		return err
	}
	if err := b.sound(); err != nil {
		return err
	}
	return b.publisher.Ready(ctx)
}

// ClientURL is where subscribers connect, without credentials; "" where there is no listener.
func (b *Broker) ClientURL() string { return b.engine.url() }

// Close closes the publisher, which waits for the calls under way, then the server, and lets go of the folder. It may be
// called again.
func (b *Broker) Close() error {
	b.closing.Do(func() {
		b.closed.Store(true)
		err := b.publisher.Close()
		b.failure = errors.Join(err, b.end())
	})
	return b.failure
}

var _ bridge.Publisher = (*Broker)(nil)
