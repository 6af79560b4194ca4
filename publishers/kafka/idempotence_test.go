package kafka_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
	"hrbridge/publishers/kafka/kafkatest"
)

func TestALostAnswerDoesNotDouble(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*fake){
		"the connection broke":                      func(f *fake) { f.net.lose(3) },
		"the replicas did not answer in time":       func(f *fake) { f.Fault(produceFault(kerr.RequestTimedOut, 3)) },
		"too few replicas were left after it":       func(f *fake) { f.Fault(produceFault(kerr.NotEnoughReplicasAfterAppend, 3)) },
		"the broker says that it stored it already": func(f *fake) { f.net.lose(1); f.Fault(stale()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFake(t, 1, topics())
			p := openReady(t, f.publisherOptions(topics()))
			mustPublish(t, p, events("a", 2))
			lose(f)
			mustPublish(t, p, events("b", 3))
			mustPublish(t, p, events("c", 2))
			wantIDs(t, f.ListenAddrs(), "a-0", "a-1", "b-0", "b-1", "b-2", "c-0", "c-1")
			if n := f.net.left(); n != 0 {
				t.Errorf("%d answers were never lost", n)
			}
		})
	}
}

func produceFault(err *kerr.Error, count int) kfake.Fault {
	return kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: err, Count: count}
}

// stale answers the second of equal batches as a broker does that has forgotten where it is, not that it is there.
func stale() kfake.Fault {
	seen := 0
	f := produceFault(kerr.DuplicateSequenceNumber, 1)
	f.When = func(kmsg.Request) bool { seen++; return seen == 2 }
	return f
}

// TestABatchThatMayBeStoredKeepsItsPlace is the trap of idempotent producing: the caller of a batch whose answer was lost
// gives up, and the next batch must not get its place, where the broker would take it for a repeat and drop it.
func TestABatchThatMayBeStoredKeepsItsPlace(t *testing.T) {
	t.Parallel()
	faulty := func(err *kerr.Error) func(*fake) func() {
		return func(f *fake) func() { return f.Fault(produceFault(err, -1)).Remove }
	}
	for name, lose := range map[string]func(*fake) (heal func()){
		"the answer never comes":                   func(f *fake) func() { f.net.silence(1); return func() { f.net.silence(0) } },
		"the connection breaks again and again":    func(f *fake) func() { f.net.lose(1000); return func() { f.net.lose(0) } },
		"the broker gives up on its replicas":      faulty(kerr.RequestTimedOut),
		"the broker loses its replicas":            faulty(kerr.NotEnoughReplicasAfterAppend),
		"the broker does not know what went wrong": faulty(kerr.UnknownServerError),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFake(t, 1, topics())
			keepsItsPlace(t, f.ListenAddrs(), func() func() { return lose(f) })
		})
	}
}

// TestABatchThatMayBeStoredKeepsItsPlaceOnARealBroker has the same of a broker that nobody wrote for the tests.
func TestABatchThatMayBeStoredKeepsItsPlaceOnARealBroker(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]string{"the newest": "", "3.9": "3.9"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startReal(t, kafkatest.Options{Version: version})
			for name, lose := range map[string]func() (heal func()){
				"the answer never comes":                func() func() { r.net.silence(1); return func() { r.net.silence(0) } },
				"the connection breaks again and again": func() func() { r.net.lose(1000); return func() { r.net.lose(0) } },
			} {
				t.Run(name, func(t *testing.T) { keepsItsPlace(t, r.Brokers(), lose) })
			}
		})
	}
}

// keepsItsPlace loses the answer to a batch, lets its caller give up, and publishes others of the same size.
func keepsItsPlace(t *testing.T, brokers []string, lose func() (heal func())) {
	t.Helper()
	p := openReady(t, optionsFor(brokers, topics(), func(o *kafka.Options) { o.AckTimeout = 700 * time.Millisecond }))
	eventually(t, func() error { return p.Publish(context.Background(), events("k", 2)) })
	heal := lose()
	err := p.Publish(t.Context(), events("k", 3))
	if err == nil {
		t.Fatal("acknowledged without an answer")
	}
	if !bridge.KindOf(err).Retryable() {
		t.Errorf("%v does not allow to retry", err)
	}
	heal()
	var acknowledged []string
	for i := range 8 {
		msgs := events(fmt.Sprintf("k-%s-after%d", t.Name(), i), 3)
		for m := range msgs {
			msgs[m].Key = "k"
			acknowledged = append(acknowledged, msgs[m].ID)
		}
		eventually(t, func() error { return p.Publish(context.Background(), msgs) })
	}
	wantOnce(t, brokers, acknowledged)
}

// wantOnce holds that each of these is stored, and stored once.
func wantOnce(t *testing.T, brokers, acknowledged []string) {
	t.Helper()
	stored := make(map[string]int)
	for _, id := range idsOf(read(t, brokers, topic)) {
		stored[id]++
	}
	if len(acknowledged) == 0 {
		t.Error("nothing was acknowledged")
	}
	for _, id := range acknowledged {
		if stored[id] != 1 {
			t.Errorf("%s was acknowledged and is stored %d times", id, stored[id])
		}
	}
}

// TestUnderLostAnswersNothingIsLostOrDoubled publishes under every kind of lost answer and moving leaders, with callers that
// give up.
func TestUnderLostAnswersNothingIsLostOrDoubled(t *testing.T) {
	t.Parallel()
	f := startFake(t, 3, topics())
	p := openReady(t, f.publisherOptions(topics(), func(o *kafka.Options) { o.AckTimeout = 500 * time.Millisecond }))
	acknowledged := underLoad(t, p, func(i int) {
		switch i % 4 {
		case 0:
			f.net.lose(1 + i%3)
		case 1:
			f.Fault(produceFault(kerr.RequestTimedOut, 1))
		case 2:
			f.net.silence(1)
		case 3:
			f.ShufflePartitionLeaders()
		}
	})
	f.net.lose(0)
	f.net.silence(0)
	wantOnce(t, f.ListenAddrs(), acknowledged)
}

func TestUnderLostAnswersOfARealBrokerNothingIsLostOrDoubled(t *testing.T) {
	t.Parallel()
	r := startReal(t, kafkatest.Options{})
	p := openReady(t, r.publisherOptions(topics(), func(o *kafka.Options) { o.AckTimeout = 500 * time.Millisecond }))
	acknowledged := underLoad(t, p, func(i int) {
		if i%2 == 0 {
			r.net.lose(1 + i%3)
		} else {
			r.net.silence(1)
		}
	})
	r.net.lose(0)
	r.net.silence(0)
	wantOnce(t, r.Brokers(), acknowledged)
}

// underLoad publishes from several callers, who give up soon, makes trouble after every few calls that went well, and returns
// what was acknowledged.
func underLoad(t *testing.T, p *kafka.Publisher, trouble func(i int)) []string {
	t.Helper()
	var mu sync.Mutex
	var acknowledged []string
	var callers sync.WaitGroup
	well := 0
	for c := range 6 {
		callers.Go(func() {
			for call := range 60 {
				msgs := events(fmt.Sprintf("caller%dcall%d", c, call), 1+call%7)
				ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
				err := p.Publish(ctx, msgs)
				cancel()
				if err != nil {
					if !bridge.KindOf(err).Retryable() {
						t.Errorf("an error that does not allow to retry: %v", err)
					}
					continue
				}
				mu.Lock()
				for i := range msgs {
					acknowledged = append(acknowledged, msgs[i].ID)
				}
				if well++; well%8 == 0 {
					trouble(well / 8)
				}
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	return acknowledged
}

func TestASequenceThatTheBrokerDoesNotGoOnFromBeginsAnew(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidProducerEpoch, kerr.DuplicateSequenceNumber} {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			f := startFake(t, 1, topics())
			p := openReady(t, f.publisherOptions(topics()))
			mustPublish(t, p, events("a", 2))
			f.Fault(produceFault(code, 1))
			mustPublish(t, p, events("b", 2))
			mustPublish(t, p, events("c", 2))
			wantIDs(t, f.ListenAddrs(), "a-0", "a-1", "b-0", "b-1", "c-0", "c-1")
		})
	}
}
