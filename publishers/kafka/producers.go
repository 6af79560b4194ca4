package kafka

import (
	"context"
	"errors"
	"net"
	"sync"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
	"go.uber.org/zap"

	"hrbridge/bridge"
)

// producers knows the id under which batches are sent, so that the brokers tell a repeat from something new.
type producers struct {
	transport *kafkago.Transport
	addr      net.Addr

	turn chan struct{} // full while somebody asks for an id
	kick chan struct{} // has room for one

	mu   sync.Mutex
	id   int64         // noProducer until the cluster gave one
	want *bridge.Error // why it has not given one yet
}

func newProducers(t *kafkago.Transport, addr net.Addr) *producers {
	return &producers{
		transport: t, addr: addr, turn: make(chan struct{}, 1), kick: make(chan struct{}, 1), id: noProducer,
		want: &bridge.Error{Kind: bridge.KindUnavailable, Op: opProducer, Err: errors.New("not done yet")},
	}
}

const opProducer = "ask for a producer id"

// producerFault is what becomes of a commit that gets no id: nothing was published.
func producerFault(err error) *bridge.Error {
	if e, ok := errors.AsType[*bridge.Error](err); ok {
		return e
	}
	return &bridge.Error{Kind: bridge.KindUnavailable, Op: opProducer, Err: err}
}

// ready returns nil, or why there is no id yet.
func (p *producers) ready() *bridge.Error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.id != noProducer {
		return nil
	}
	return p.want
}

// connected says that the cluster came into reach: the first who publishes should not have to wait for his id.
func (p *producers) connected() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// run asks for the first id, until ctx ends.
func (p *producers) run(ctx context.Context, log *zap.Logger) {
	for p.current() == noProducer {
		select {
		case <-ctx.Done():
			return
		case <-p.kick:
		}
		asking, cancel := context.WithTimeout(ctx, seekEvery*10)
		_, err := p.get(asking, noProducer)
		cancel()
		if err == nil {
			return
		}
		why := producerFault(err)
		p.mu.Lock()
		said := p.want.Kind == why.Kind
		p.want = why
		p.mu.Unlock()
		if why.Kind == bridge.KindRefused && !said {
			log.Error("the cluster gives no producer id", zap.Error(why))
		}
		rest(ctx, seekEvery)
		p.connected()
	}
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
		return 0, err
	}
	r, ok := answer.(*initproducerid.Response)
	switch {
	case !ok:
		return 0, errors.New("the answer to the question for a producer id is not one")
	case kafkago.Error(r.ErrorCode) == kafkago.ClusterAuthorizationFailed:
		return 0, &bridge.Error{Kind: bridge.KindRefused, Op: opProducer, Err: errors.New("the user may not write idempotently: grant IDEMPOTENT_WRITE on the cluster, or turn kafka.idempotent off")}
	case r.ErrorCode != 0:
		return 0, kafkago.Error(r.ErrorCode)
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
