package publishers

import (
	"context"
	"fmt"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers/embedded"
	"hrbridge/publishers/kafka"
	"hrbridge/publishers/nats"
)

// InspectOptions are what Inspect needs to know.
type InspectOptions struct {
	// Options are those that Open would be given.
	Options
	// Tail is how a subscriber reaches the broker, which is how the embedded one is looked at from another process.
	Tail TailOptions
	// Redelivery is the longest time that may lie between the first try to publish a delivery and the soonest that its sender
	// tries again.
	Redelivery time.Duration
}

// Inspect looks at the broker that o names, as its publisher would find it, and changes nothing there. For a publisher the
// findings are always about the same checks. The error is that the broker cannot be looked at: out of reach, or it refuses us;
// the findings say why.
func Inspect(ctx context.Context, o InspectOptions) ([]bridge.Finding, error) {
	switch o.Name {
	case Embedded:
		return embedded.Inspect(ctx, embedded.InspectOptions{Options: o.Embedded, Subscriber: o.Tail.NATS, Redelivery: o.Redelivery})
	case NATS:
		n := o.NATS
		n.Name += " doctor"
		return nats.Inspect(ctx, nats.InspectOptions{Options: n, Redelivery: o.Redelivery})
	case Kafka:
		k := o.Kafka
		k.ClientID += "-doctor"
		return kafka.Inspect(ctx, k)
	default:
		return nil, fmt.Errorf("%w: no publisher is named %q: there are %s, %s and %s", ErrConfiguration, o.Name, Embedded, NATS, Kafka)
	}
}
