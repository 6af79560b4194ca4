package kafka

import (
	"context"
	"math"
)

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
