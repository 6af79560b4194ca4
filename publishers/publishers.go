package publishers

import (
	"context"
	"errors"
	"fmt"

	"hrbridge/bridge"
	"hrbridge/publishers/embedded"
	"hrbridge/publishers/kafka"
	"hrbridge/publishers/nats"
	"hrbridge/publishers/spool"
)

// The names of the publishers.
const (
	Embedded = "embedded"
	NATS     = "nats"
	Kafka    = "kafka"
)

// ErrConfiguration is in the chain of an error of Open that only other options can cure. Any other error of Open is the
// environment's: a port taken, a folder in use, a disk full.
var ErrConfiguration = errors.New("the publisher's configuration")

// Options are those of every publisher, and the name of the one that is wanted.
type Options struct {
	Name     string
	NATS     nats.Options
	Embedded embedded.Options
	Kafka    kafka.Options
	// Spool is what stands around a publisher on a broker elsewhere.
	Spool spool.Options
}

// Publisher is a [bridge.Publisher] that a program runs.
type Publisher interface {
	bridge.Publisher
	// Ready returns nil when what is published now would be stored, as far as is known, or why not.
	Ready(ctx context.Context) error
	// Close lets the calls under way end, and then everything that Open began.
	Close() error
}

// Open opens the publisher that o names. A broker elsewhere need not be there yet: then Ready says so until it is.
func Open(ctx context.Context, o Options) (Publisher, error) {
	p, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	if o.Name == Embedded {
		o.Spool.Mode = spool.Off // the broker is as near as the spool would be
	}
	around, err := spool.Around(ctx, p, o.Spool)
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return around, nil
}

func open(ctx context.Context, o Options) (Publisher, error) {
	switch o.Name {
	case Embedded:
		b, err := embedded.Open(ctx, o.Embedded)
		if errors.Is(err, embedded.ErrConfiguration) {
			err = fmt.Errorf("%w: %w", ErrConfiguration, err)
		}
		if err != nil {
			return nil, err
		}
		return b, nil
	case NATS:
		p, err := nats.Open(ctx, o.NATS)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrConfiguration, err)
		}
		return p, nil
	case Kafka:
		p, err := kafka.Open(ctx, o.Kafka)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrConfiguration, err)
		}
		return p, nil
	default:
		return nil, fmt.Errorf("%w: no publisher is named %q: there are %s, %s and %s", ErrConfiguration, o.Name, Embedded, NATS, Kafka)
	}
}

// TailOptions are what Tail needs to know: which broker, how to reach it, and what of it to read.
type TailOptions struct {
	// Name is that of the publisher whose broker is read.
	Name string
	// NATS is how to reach the server, of NATS and of Embedded. Its Reading is not used.
	NATS nats.TailOptions
	// Kafka is how to reach the cluster. Its Reading is not used.
	Kafka kafka.TailOptions
	bridge.Reading
}

// Tail hands each the messages that o asks for, those of one topic and key in order, until ctx ends, which is no error, the
// end is reached where o asks for one, or each returns an error, which Tail returns.
func Tail(ctx context.Context, o TailOptions, each func(bridge.Record) error) error {
	if o.Name == Kafka {
		k := o.Kafka
		k.Reading = o.Reading
		return kafka.Tail(ctx, k, each)
	}
	n := o.NATS
	n.Reading = o.Reading
	return nats.Tail(ctx, n, each)
}
