package kafka

import (
	kafkago "github.com/segmentio/kafka-go"

	"hrbridge/bridge"
)

const (
	// portionBytes is how large a batch gets, before it is compressed, for a topic of which nobody said what it takes: what
	// brokers take unless they are told otherwise.
	portionBytes = 1 << 20
	// stickBytes is how much goes to one partition before the next has its turn, of messages that have no key.
	stickBytes = 256 << 10
	// deltas is what a record may take more in a batch of many than alone.
	deltas = 16
)

// assign sorts the messages by partition into portions. Those of topics that nobody knows yet are to be tried again.
func (w *work) assign(msgs []bridge.Message, broker int32) {
	layout := w.p.cluster.current()
	queues := make(map[place]*queue)
	spreads := make(map[string]*spread)
	for i := range msgs {
		m := &msgs[i]
		var leaders []leader
		if layout != nil {
			leaders = layout.topics[m.Topic]
		}
		if len(leaders) == 0 {
			w.repeat = append(w.repeat, i)
			if w.because == nil {
				w.because = fault("publish to "+m.Topic, kafkago.UnknownTopicOrPartition)
			}
			continue
		}
		size := sizeOf(m) - batchOverhead + deltas
		at := place{topic: m.Topic}
		if m.Key != "" {
			at.index = partitionOf(m.Key, len(leaders))
		} else {
			s := spreads[m.Topic]
			if s == nil {
				s = &spread{at: -1}
				spreads[m.Topic] = s
			}
			at.index = s.next(leaders, broker, size, func() int { return int(w.p.turn.Add(1)) })
		}
		q := queues[at]
		if q == nil {
			q = &queue{topic: at.topic, index: at.index, lead: w.p.leads.of(at)}
			queues[at] = q
			w.queues = append(w.queues, q)
		}
		q.add(i, size, w.p.portion(q))
	}
}

// portion is how large a batch for the queue's partition may be.
func (p *Publisher) portion(q *queue) int {
	most := p.keeper.limit(q.topic)
	if most == 0 {
		most = portionBytes
	}
	if learned := int(q.lead.most.Load()); learned > 0 {
		most = min(most, learned)
	}
	return most
}

// add puts a message into the queue's last portion, or into a new one where that would be larger than most.
func (q *queue) add(i, size, most int) {
	if len(q.portions) == 0 || q.size+size > most {
		q.portions = append(q.portions, &portion{topic: q.topic, index: q.index})
		q.size = batchOverhead
	}
	last := q.portions[len(q.portions)-1]
	last.places = append(last.places, i)
	q.size += size
}

// spread puts messages without a key on the partitions of a topic, a good deal on one before the next has its turn: large
// batches are cheap, and these messages have no order to keep.
type spread struct {
	at   int
	size int
}

// next is the partition for a message of size: rather one that broker leads, whose commit it is, and else one that has a leader.
func (s *spread) next(leaders []leader, broker int32, size int, turn func() int) int {
	if s.at >= 0 && s.size+size <= stickBytes {
		s.size += size
		return s.at
	}
	s.size = size
	first := turn() % len(leaders)
	best := first
	for i := range leaders {
		at := (first + i) % len(leaders)
		if leaders[at].broker == broker && broker != noBroker {
			best = at
			break
		}
		if leaders[best].broker == noBroker && leaders[at].broker != noBroker {
			best = at
		}
	}
	s.at = best
	return best
}

// encode copies the messages into their frames.
func (w *work) encode(msgs []bridge.Message) {
	for _, q := range w.queues {
		for _, x := range q.portions {
			x.frame = newFrame()
			if err := x.frame.encode(msgs, x.places, w.p.codec); err != nil {
				w.failed = append(w.failed, &bridge.Error{Kind: bridge.KindInternal, Op: "encode for " + q.topic, Indexes: q.places(), Err: err})
				q.portions = nil
				break
			}
		}
	}
}

// places are those of all messages that the queue holds.
func (q *queue) places() []int {
	var all []int
	for _, x := range q.portions {
		all = append(all, x.places...)
	}
	return all
}
