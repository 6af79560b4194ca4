package nats

import (
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.uber.org/zap"
)

// memory is what this process knows that the stream must still have: it was acknowledged. A server that lost its store, or the
// end of it, comes back without a word; its sequences are what gives it away.
type memory struct {
	acknowledged atomic.Uint64 // the highest sequence
	lost         prometheus.Counter
	log          *zap.Logger

	// The stream that the sequence is of; asked only by the keeper, one check at a time.
	created time.Time
}

func lostCounter(registerer prometheus.Registerer) prometheus.Counter {
	return promauto.With(registerer).NewCounter(prometheus.CounterOpts{
		Name: "hrbridge_broker_lost_messages_total", Help: "Messages, at most, that the broker acknowledged and does not have any more.",
	})
}

// note takes in that the stream has a message of that sequence.
func (m *memory) note(sequence uint64) {
	for {
		known := m.acknowledged.Load()
		if sequence <= known || m.acknowledged.CompareAndSwap(known, sequence) {
			return
		}
	}
}

// compare holds what the stream is now against what it was acknowledged to be, and says what is missing. known is the highest
// sequence that was acknowledged before the server was asked.
func (m *memory) compare(known uint64, now *jetstream.StreamInfo) {
	another := !m.created.IsZero() && !m.created.Equal(now.Created)
	m.created = now.Created
	has := now.State.LastSeq
	switch {
	case another && known > 0:
		m.say(known, known, "the broker has lost the stream, or somebody deleted it: what it acknowledged and nobody had read is gone", has)
	case !another && has < known:
		m.say(known, known-has, "the broker has lost the end of the stream: messages that it acknowledged are gone", has)
	default:
		return
	}
	m.acknowledged.CompareAndSwap(known, has)
}

func (m *memory) say(known, missing uint64, what string, has uint64) {
	m.lost.Add(float64(missing))
	m.log.Error(what, zap.Uint64("acknowledged_up_to", known), zap.Uint64("stream_is_at", has), zap.Uint64("messages_at_most", missing))
}
