package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/initproducerid"

	"hrbridge/bridge"
)

// producers knows the id under which batches are sent, so that the brokers tell a repeat from something new.
type producers struct {
	transport *kafkago.Transport
	addr      net.Addr

	turn chan struct{} // full while somebody asks for an id

	mu sync.Mutex
	id int64 // noProducer until the cluster gave one
}

func newProducers(t *kafkago.Transport, addr net.Addr) *producers {
	return &producers{transport: t, addr: addr, turn: make(chan struct{}, 1), id: noProducer}
}

// get is the id, which it asks the cluster for where there is none but spent.
func (p *producers) get(ctx context.Context, spent int64) (int64, error) {
	if id := p.current(); id != noProducer && id != spent {
		return id, nil
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if id := p.current(); id != noProducer && id != spent { // somebody before us asked
		return id, nil
	}
	id, err := p.ask(ctx)
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.id = id
	return id, nil
}

func (p *producers) current() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.id
}

// ask gets a new id from any broker.
func (p *producers) ask(ctx context.Context) (int64, error) {
	answer, err := p.transport.RoundTrip(ctx, p.addr, &initRequest{ProducerID: noProducer, ProducerEpoch: noProducer})
	if err != nil {
		return 0, fmt.Errorf("ask for a producer id: %w", err)
	}
	r, ok := answer.(*initproducerid.Response)
	switch {
	case !ok:
		return 0, errors.New("the answer to the question for a producer id is not one")
	case kafkago.Error(r.ErrorCode) == kafkago.ClusterAuthorizationFailed:
		return 0, &bridge.Error{Kind: bridge.KindRefused, Err: errors.New("the user may not write idempotently: grant IDEMPOTENT_WRITE on the cluster, or turn kafka.idempotent off")}
	case r.ErrorCode != 0:
		return 0, fmt.Errorf("ask for a producer id: %w", kafkago.Error(r.ErrorCode))
	}
	return r.ProducerID, nil
}

// initRequest is kafka-go's request without what makes kafka-go look for the coordinator of a transaction first: there is
// none, and the question alone makes a broker create its topic of transactions.
type initRequest initproducerid.Request

// ApiKey implements protocol.Message.
//
//nolint:revive,staticcheck // the name is kafka-go's
func (*initRequest) ApiKey() protocol.ApiKey { return protocol.InitProducerId }

// sequence is the next place of ours in a partition. It is held by one commit at a time.
//
// A batch of which it is not known whether it was stored keeps its place for ever: if another batch got it, the broker would
// take that for a repeat, acknowledge it and drop it. So either the same bytes are sent until the broker has said what became
// of them, or the places begin anew with the next epoch, from which on the broker refuses what is still on its way of the
// old one. That is how the Java client does it, too (KIP-360).
type sequence struct {
	id     identity
	unsure bool // somewhere behind id there is a batch that may be stored
	spent  int64
}

func newSequence() sequence { return sequence{id: anonymous(), spent: noProducer} }

// next is the identity for a batch of n messages.
func (s *sequence) next(ctx context.Context, p *producers, n int) (identity, error) {
	if s.id.producer != noProducer && (s.unsure || int(s.id.sequence) > math.MaxInt32-n) {
		s.id.epoch, s.id.sequence, s.unsure = s.id.epoch+1, 0, false
		if s.id.epoch == math.MaxInt16 {
			s.forget()
		}
	}
	if s.id.producer == noProducer {
		producer, err := p.get(ctx, s.spent)
		if err != nil {
			return identity{}, err
		}
		s.id = identity{producer: producer}
	}
	return s.id, nil
}

// taken says that a batch of n messages is stored at the latest place.
func (s *sequence) taken(n int) { s.id.sequence += int32(n) }

// doubt says that the batch at the latest place may be stored.
func (s *sequence) doubt() { s.unsure = true }

// forget says that the brokers do not go on from where we are: the next batch gets a new producer.
func (s *sequence) forget() {
	s.spent = s.id.producer
	s.id, s.unsure = anonymous(), false
}
