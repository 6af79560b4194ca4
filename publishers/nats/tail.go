package nats

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/bridge"
)

// goodbye bounds the time to delete what a Tail has on the server.
const goodbye = 2 * time.Second

// TailOptions are what Tail needs to know. The connection's fields are those of Options.
type TailOptions struct {
	URL, Name      string
	Auth           Auth
	TLS            TLS
	ConnectTimeout time.Duration // 0 is that of Defaults

	Stream string
	bridge.Reading
}

// Tail hands each the stream's messages in order, one at a time, those that are there and those that come, until ctx ends,
// which is no error, the end is reached where o asks for one, or each returns an error, which Tail returns. It does not wait for a server that is out of reach: that is a
// bridge.KindUnavailable at once. A connection that breaks later is made again, and Tail goes on after the last record. It
// leaves nothing behind on the server.
func Tail(ctx context.Context, o TailOptions, each func(bridge.Record) error) error {
	op := "follow stream " + o.Stream
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = Defaults().ConnectTimeout
	}
	options, err := dialing{URL: o.URL, Name: o.Name, Auth: o.Auth, TLS: o.TLS, ConnectTimeout: o.ConnectTimeout}.options()
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	nc, err := natsgo.Connect(o.URL, append(options, natsgo.MaxReconnects(-1), natsgo.ReconnectWait(reconnectWait),
		natsgo.ErrorHandler(func(*natsgo.Conn, *natsgo.Subscription, error) {}))...)
	if err != nil {
		return fault("connect to NATS", err)
	}
	defer nc.Close()
	t := &tail{each: each, since: o.From.Since, over: make(chan struct{})}
	if err := t.follow(ctx, nc, o); err != nil && ctx.Err() == nil {
		return fault(op, err)
	}
	return t.err
}

// tail hands on records until it is over.
type tail struct {
	each  func(bridge.Record) error
	since time.Time
	last  uint64        // ends after this sequence; 0 is never
	over  chan struct{} // closed when it is

	mu   sync.Mutex
	done bool
	err  error // of each
	lost error // of the consumer
}

// follow consumes until the tail is over, and returns what ended it but an error of each.
func (t *tail) follow(ctx context.Context, nc *natsgo.Conn, o TailOptions) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	stream, err := js.Stream(ctx, o.Stream)
	if err != nil {
		return err
	}
	last := stream.CachedInfo().State.LastSeq
	if o.ToEnd {
		t.last = last
	}
	config := o.consumer(last)
	consumer, err := js.OrderedConsumer(ctx, o.Stream, config)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
		defer cancel()
		_ = js.DeleteConsumer(ctx, o.Stream, consumer.CachedInfo().Name)
	}()
	if o.ToEnd && consumer.CachedInfo().NumPending == 0 { // nothing comes that could tell that it is the last
		return nil
	}
	consuming, err := consumer.Consume(t.take, jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
		if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, natsgo.ErrPermissionViolation) {
			t.end(nil, err)
		}
	}))
	if err != nil {
		return err
	}
	defer consuming.Stop()
	select {
	case <-ctx.Done():
	case <-t.over:
	}
	t.end(nil, nil) // from here on each is not called any more
	return t.lost
}

// consumer is the configuration for where to begin. Now is a sequence rather than the server's "new": a consumer that nats.go
// makes anew before the first message came would begin with the oldest.
func (o TailOptions) consumer(last uint64) jetstream.OrderedConsumerConfig {
	c := jetstream.OrderedConsumerConfig{FilterSubjects: o.Topics, InactiveThreshold: time.Minute}
	switch {
	case o.From.Start:
		c.DeliverPolicy = jetstream.DeliverAllPolicy
	case !o.From.Since.IsZero():
		c.DeliverPolicy, c.OptStartTime = jetstream.DeliverByStartTimePolicy, &o.From.Since
	default:
		c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverByStartSequencePolicy, last+1
	}
	return c
}

func (t *tail) take(m jetstream.Msg) {
	about, err := m.Metadata()
	if err != nil || about.Timestamp.Before(t.since) { // see consumer: a consumer made anew may begin too early
		return
	}
	r := bridge.Record{Message: message(m.Subject(), m.Headers(), m.Data()), Sequence: about.Sequence.Stream, Stored: about.Timestamp}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done {
		return
	}
	if err := t.each(r); err != nil {
		t.endLocked(err, nil)
	} else if t.last > 0 && (about.Sequence.Stream >= t.last || about.NumPending == 0) {
		t.endLocked(nil, nil)
	}
}

func (t *tail) end(err, lost error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.endLocked(err, lost)
}

// endLocked is end with the mutex held. The first end counts.
func (t *tail) endLocked(err, lost error) {
	if t.done {
		return
	}
	t.done, t.err, t.lost = true, err, lost
	close(t.over)
}
