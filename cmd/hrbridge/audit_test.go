package main_test

import (
	"context"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/publishers/kafka/kafkatest"
)

// repeats are the events that may be stored twice, with the same id.
type repeats int

const (
	noRepeats      repeats = iota // the broker drops them
	sendersRepeats                // of deliveries that were sent again
	anyRepeats                    // of what the bridge had to send again without knowing, too
)

// audit holds what a broker stored against what was sent.
type audit struct {
	t        *testing.T
	oracle   *oracle
	seen     map[string]string // the ids of the events' bytes
	ids      map[string]bool
	last     map[string]int // the number that came last, where order is kept
	repeats  repeats
	doubled  int
	problems int
}

func (o *oracle) newAudit(t *testing.T, allowed repeats) *audit {
	return &audit{t: t, oracle: o, repeats: allowed, seen: make(map[string]string), ids: make(map[string]bool), last: make(map[string]int)}
}

func (a *audit) problem(format string, args ...any) {
	a.t.Helper()
	if a.problems++; a.problems <= 10 {
		a.t.Errorf(format, args...)
	}
}

// take looks at one message. Order is kept among those of a key that are in one place.
func (a *audit) take(topic, place, id, value string) {
	a.t.Helper()
	ob := a.oracle.sent[value]
	if ob == nil {
		a.problem("on %s: an event that nobody sent, or altered", topic)
		return
	}
	if topic != ob.topic {
		a.problem("an event of %s is on %s", ob.topic, topic)
	}
	if before, again := a.seen[value]; again {
		a.doubled++
		if before != id || a.repeats == noRepeats || a.repeats == sendersRepeats && ob.sendings < 2 {
			a.problem("on %s: number %d of key %s is there twice, sent %d times, with the ids %s and %s", topic, ob.number, ob.key, ob.sendings, before, id)
		}
		return // who reads drops it
	}
	if a.ids[id] {
		a.problem("on %s: two events have the id %s", topic, id)
	}
	if last := a.last[place+ob.key]; ob.number <= last {
		a.problem("number %d of key %s comes after number %d", ob.number, ob.key, last)
	}
	a.seen[value], a.ids[id], a.last[place+ob.key] = id, true, ob.number
}

// close says what is missing.
func (a *audit) close() {
	a.t.Helper()
	o, lost := a.oracle, 0
	for value, ob := range o.sent {
		if _, stored := a.seen[value]; ob.acknowledged && !stored {
			lost++
		}
	}
	if lost > 0 {
		a.t.Errorf("%d acknowledged events are lost", lost)
	}
	a.t.Logf("%d deliveries acknowledged, %d refused, %d unanswered; %d events sent, %d stored, %d of them again because they were sent again",
		o.acknowledged.Load(), o.refused.Load(), o.unanswered.Load(), len(o.sent), len(a.seen), a.doubled)
	if o.acknowledged.Load() == 0 {
		a.t.Error("nothing was acknowledged, so nothing was tested")
	}
}

// missing returns how many acknowledged events are not in the stream, and how many of them were acknowledged before a time, and
// takes them off the obligations.
func (o *oracle) missing(t *testing.T, brokerURL string, before time.Time) (events, old int) {
	t.Helper()
	there := make(map[string]bool)
	readStream(t, brokerURL, "HRFLOW", func(m *natsgo.Msg) { there[string(m.Data)] = true })
	o.mu.Lock()
	defer o.mu.Unlock()
	for value, ob := range o.sent {
		if ob.acknowledged && !there[value] {
			ob.acknowledged = false
			events++
			if ob.at.Before(before) {
				old++
			}
		}
	}
	return events, old
}

// audit reads the stream from its start with a plain subscriber and holds it against what was sent.
func (o *oracle) audit(t *testing.T, brokerURL, stream string) {
	t.Helper()
	a := o.newAudit(t, noRepeats)
	readStream(t, brokerURL, stream, func(m *natsgo.Msg) {
		a.take(m.Subject, "", m.Header.Get("Nats-Msg-Id"), string(m.Data))
	})
	a.close()
}

// auditKafka reads all topics with a plain consumer and holds them against what was sent.
func (o *oracle) auditKafka(t *testing.T, c *kafkatest.Cluster, allowed repeats) {
	t.Helper()
	a := o.newAudit(t, allowed)
	partitions := make(map[string]int32) // of the keys
	for _, r := range c.Records(t) {
		if r.Topic == "probe" { // another producer's
			continue
		}
		id := ""
		for _, h := range r.Headers {
			if h.Key == "ce_id" {
				id = string(h.Value)
			}
		}
		a.take(r.Topic, r.Topic, id, string(r.Value))
		where := r.Topic + " " + string(r.Key)
		if other, known := partitions[where]; known && other != r.Partition || len(r.Key) == 0 {
			a.problem("on %s: key %q is in partitions %d and %d", r.Topic, r.Key, other, r.Partition)
		}
		partitions[where] = r.Partition
	}
	a.close()
}

// readStream hands each message that the stream holds now, from the first, to each.
func readStream(t *testing.T, brokerURL, stream string, each func(*natsgo.Msg)) {
	t.Helper()
	nc := must(natsgo.Connect(brokerURL))(t)
	defer nc.Close()
	js := must(jetstream.New(nc))(t)
	ctx, cancel := context.WithTimeout(t.Context(), 120*time.Second)
	defer cancel()
	info := must(must(js.Stream(ctx, stream))(t).Info(ctx))(t)
	if info.State.Msgs == 0 {
		return
	}
	old := must(nc.JetStream(natsgo.MaxWait(60 * time.Second)))(t)
	sub := must(old.SubscribeSync("", natsgo.BindStream(stream), natsgo.OrderedConsumer()))(t)
	for {
		m := must(sub.NextMsgWithContext(ctx))(t)
		each(m)
		if meta := must(m.Metadata())(t); meta.Sequence.Stream >= info.State.LastSeq {
			return
		}
	}
}
