package kafka

import (
	"bytes"
	"context"
	"errors"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"
)

// allInSync makes a broker acknowledge what all in-sync replicas have.
const allInSync = -1

// portion is what goes to one partition with one request: a record batch of ours.
type portion struct {
	topic  string
	index  int
	places []int // of its messages in the commit
	frame  *frame
	sent   bool // with its identity, which it keeps from then on
	unsure bool // an attempt of which it is not known whether it stored the portion
}

// answers are what became of the portions of one request, in their order; an error of the whole request is that of each.
func (p *Publisher) produce(ctx context.Context, broker int32, portions []*portion) []error {
	answers := make([]error, len(portions))
	all := func(err error) []error {
		for i := range answers {
			answers[i] = err
		}
		return answers
	}
	answer, err := p.transport.RoundTrip(ctx, p.cluster.addr, request(ctx, broker, portions))
	if err != nil {
		return all(err)
	}
	r, ok := answer.(*produce.Response)
	if !ok {
		return all(errNoAnswer)
	}
	codes := make(map[place]int16, len(portions))
	for _, t := range r.Topics {
		for _, a := range t.Partitions {
			codes[place{t.Topic, int(a.Partition)}] = a.ErrorCode
		}
	}
	for i, x := range portions {
		code, ok := codes[place{x.topic, x.index}]
		switch {
		case !ok:
			answers[i] = errNoAnswer
		case code != 0:
			answers[i] = kafkago.Error(code)
		}
	}
	return answers
}

var errNoAnswer = errors.New("the broker did not say what became of it")

// request puts portions of different partitions into one.
func request(ctx context.Context, broker int32, portions []*portion) *rawRequest {
	r := &rawRequest{Acks: allInSync, Timeout: patience(ctx), broker: broker}
	where := make(map[string]int)
	for _, x := range portions {
		at, ok := where[x.topic]
		if !ok {
			at = len(r.Topics)
			where[x.topic] = at
			r.Topics = append(r.Topics, rawproduce.RequestTopic{Topic: x.topic})
		}
		r.Topics[at].Partitions = append(r.Topics[at].Partitions, rawproduce.RequestPartition{
			Partition: int32(x.index), RecordSet: protocol.RawRecordSet{Reader: bytes.NewReader(x.frame.bytes)},
		})
	}
	return r
}

// rawRequest is kafka-go's rawproduce.Request, whose fields it begins with because kafka-go encodes them by their positions,
// sent to a broker of our choice: kafka-go's own choice is by a layout that is another than ours for a moment after leaders
// moved, and then it refuses a request whose partitions have two leaders as a whole.
type rawRequest struct {
	TransactionalID string
	Acks            int16
	Timeout         int32
	Topics          []rawproduce.RequestTopic

	broker int32
}

// ApiKey implements protocol.Message.
//
//nolint:revive,staticcheck // the name is kafka-go's
func (*rawRequest) ApiKey() protocol.ApiKey { return protocol.Produce }

// TypeKey implements protocol.OverrideTypeMessage.
func (*rawRequest) TypeKey() protocol.OverrideTypeKey { return protocol.RawProduceOverride }

// Broker implements protocol.BrokerMessage.
func (r *rawRequest) Broker(protocol.Cluster) (protocol.Broker, error) {
	return protocol.Broker{ID: r.broker}, nil
}

// patience is how many milliseconds the broker may wait for its replicas: a little less than we wait for it.
func patience(ctx context.Context) int32 {
	const most = 30 * time.Second
	wait := most
	if end, ok := ctx.Deadline(); ok {
		wait = min(most, time.Until(end)*9/10)
	}
	return int32(max(wait.Milliseconds(), 1))
}
