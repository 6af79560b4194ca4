package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
)

// FanoutOptions are what a Fanout needs to know. Take DefaultFanoutOptions and change what differs.
type FanoutOptions struct {
	// TopicPrefix stands before the event type in every topic.
	TopicPrefix string
	// SourcePrefixes stand between TopicPrefix and the event type in the topics of a source's events, by the source's name.
	SourcePrefixes map[string]string
	// DeadLetterTopic takes the events that cannot go to a topic of their own; the prefix is not put before it.
	DeadLetterTopic string
	// UnknownTypes is the policy for types outside Known.
	UnknownTypes UnknownTypes
	// MaxNewTypes is how many types outside Known get topics of their own.
	MaxNewTypes int
	// Known are the event types of the catalogue.
	Known []string
}

// DefaultFanoutOptions are the options that serve without being told otherwise, but for Known.
func DefaultFanoutOptions() FanoutOptions {
	return FanoutOptions{DeadLetterTopic: "hrbridge.deadletter", UnknownTypes: PublishUnknown, MaxNewTypes: 64}
}

// Fanout publishes each event of a delivery to the topic of its type.
type Fanout struct {
	publisher Publisher
	router    router
}

// NewFanout makes a Fanout that publishes through p.
func NewFanout(p Publisher, o FanoutOptions) (*Fanout, error) {
	switch o.UnknownTypes {
	case PublishUnknown, DeadLetterUnknown, RejectUnknown:
	default:
		return nil, fmt.Errorf("unknown types: no policy is named %q", o.UnknownTypes)
	}
	if o.DeadLetterTopic == "" {
		return nil, errors.New("the dead-letter topic has no name")
	}
	known := make(map[Type]bool, len(o.Known))
	for _, s := range o.Known {
		t, err := ParseType(s)
		if err != nil {
			return nil, fmt.Errorf("the catalogue's type %q: %w", s, err)
		}
		known[t] = true
	}
	return &Fanout{publisher: p, router: router{
		topic:      o.Topic,
		deadLetter: o.DeadLetterTopic,
		policy:     o.UnknownTypes,
		objects:    Objects(),
		known:      known,
		newTypes:   make(map[Type]bool),
		maxNew:     o.MaxNewTypes,
	}}, nil
}

// Publish routes the events of d and publishes them as one call. It returns a receipt when every one of them is durable, and
// otherwise an [*Error] whose Indexes are events of the delivery. It sets Reason on the events that it makes dead letters.
func (f *Fanout) Publish(ctx context.Context, d Delivery, events []Event) (Receipt, error) {
	ids := NewEventIDs(d)
	receipt := Receipt{Delivery: ids.Delivery(), Events: len(events)}
	source := sourcePrefix + d.Source
	var common []Header
	if d.Traceparent != "" {
		common = []Header{{HeaderTraceparent, d.Traceparent}}
	}

	msgs := make([]Message, len(events)) // a message's position is its event's index: that is what an error's Indexes mean
	for i := range events {
		e := &events[i]
		topic, err := f.router.route(d.Source, e)
		if err != nil {
			return Receipt{}, err
		}
		msgs[i] = Message{
			ID: ids.Of(e.Index), Topic: topic, Key: e.Key, Source: source, Type: string(e.Type), Time: d.Received,
			Delivery: receipt.Delivery, Index: e.Index, Headers: common, Value: e.Raw,
		}
		if e.Reason == "" {
			receipt.Published++
			continue
		}
		receipt.DeadLettered++
		msgs[i] = msgs[i].deadLetter(f.router.deadLetter, e.Reason, cmp.Or(string(e.Type), e.LegibleType))
	}
	if err := f.publisher.Publish(ctx, msgs); err != nil {
		return Receipt{}, err
	}
	return receipt, nil
}
