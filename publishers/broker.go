package publishers

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers/embedded"
	"hrbridge/publishers/nats"
)

const (
	// readyTime is how long a Broker's publisher may take to be ready. It has to reach the broker once, and no more.
	readyTime = 10 * time.Second
	readyTick = 10 * time.Millisecond
)

// Broker is where a configuration's topics are, as somebody has it who works on it beside the bridge: to read topics, and to
// publish on them again what came from there. It changes no stream and no topic.
type Broker struct {
	options Options
	tail    TailOptions
	visited *embedded.Broker // the embedded broker of a bridge that is stopped; nil otherwise
}

// Approach finds the broker of the publisher that o names, to be read as t says. It need not be there: then Tail says so. The
// embedded one is that of the bridge that runs, or, where none does, the one in its data folder, which no bridge can start
// on until Close.
func Approach(ctx context.Context, o Options, t TailOptions) (*Broker, error) {
	b := &Broker{options: o, tail: t}
	if o.Name != Embedded {
		return b, nil
	}
	visited, reading, err := embedded.Visit(ctx, o.Embedded)
	switch {
	case err == nil:
		b.visited, b.tail.NATS = visited, reading
	case errors.Is(err, embedded.ErrConfiguration):
		return nil, fmt.Errorf("%w: %w", ErrConfiguration, err)
	case !errors.Is(err, embedded.ErrInUse):
		return nil, unavailable(err)
	case o.Embedded.Listen == "":
		return nil, unavailable(errors.New("the bridge runs and lets nobody connect: set embedded.listen to an address such as 127.0.0.1:4222, or stop the bridge"))
	}
	return b, nil
}

// Tail reads as the function Tail does.
func (b *Broker) Tail(ctx context.Context, r bridge.Reading, each func(bridge.Record) error) error {
	o := b.tail
	o.Reading = r
	return Tail(ctx, o, each)
}

// Publisher is a publisher that is ready. The embedded broker of a bridge that runs takes it as its operator, by what is in
// the data folder. On Kafka it makes a topic that is missing where mayMake and the options allow it, as the bridge would.
func (b *Broker) Publisher(ctx context.Context, mayMake bool) (Publisher, error) {
	p, err := b.open(ctx, mayMake)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(ctx, readyTime)
	defer stop()
	tick := time.NewTicker(readyTick)
	defer tick.Stop()
	for {
		err := p.Ready(ctx)
		if err == nil {
			return p, nil
		}
		select {
		case <-tick.C:
			if bridge.KindOf(err).Retryable() {
				continue
			}
		case <-ctx.Done():
		}
		return nil, errors.Join(err, p.Close())
	}
}

func (b *Broker) open(ctx context.Context, mayMake bool) (Publisher, error) {
	o := b.options
	switch {
	case b.visited != nil:
		return onceMore{b.visited}, nil
	case o.Name == Embedded:
		as, err := b.operator()
		if err != nil {
			return nil, err
		}
		o.Name, o.NATS = NATS, as
	}
	o.NATS.Provision = false
	o.Kafka.Topics.Provision = o.Kafka.Topics.Provision && mayMake
	o.Kafka.Topics.Names = nil // those that it publishes to are enough
	return open(ctx, o)
}

// onceMore is a publisher that somebody else closes.
type onceMore struct{ *embedded.Broker }

func (onceMore) Close() error { return nil }

// operator is how to publish on the embedded broker of another process.
func (b *Broker) operator() (nats.Options, error) {
	at := b.tail.NATS
	o := nats.Defaults()
	if !unheard(at.URL) {
		return o, unavailable(fmt.Errorf("%s is neither on loopback nor TLS, and others could hear the operator's password: "+
			"set embedded.tls.cert_file and embedded.tls.key_file, listen on loopback, or stop the bridge meanwhile", at.URL))
	}
	user, password, err := embedded.Operator(b.options.Embedded.DataDir)
	if err != nil {
		return o, unavailable(err)
	}
	o.URL, o.TLS, o.ConnectTimeout = at.URL, at.TLS, at.ConnectTimeout
	o.Auth = nats.Auth{User: user, Password: password}
	o.Commit = nats.CommitBatch
	o.Stream = b.options.Embedded.Stream
	return o, nil
}

// unheard tells whether nobody on the way to address hears what is said.
func unheard(address string) bool {
	if strings.HasPrefix(address, "tls://") {
		return true
	}
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.Unmap().IsLoopback() || u.Hostname() == "localhost"
}

// Close lets go of the broker. Publishers have to be closed before.
func (b *Broker) Close() error {
	if b.visited == nil {
		return nil
	}
	return b.visited.Close()
}

func unavailable(err error) error {
	return &bridge.Error{Kind: bridge.KindUnavailable, Op: "reach the broker", Err: err}
}
