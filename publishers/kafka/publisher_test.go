package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
)

const topic = "profile.parsing.success"

func topics() []string { return []string{topic} }

// event is a message; its key is the part of the id before the dash.
func event(id string) bridge.Message {
	key, _, _ := strings.Cut(id, "-")
	return bridge.Message{
		ID: id, Topic: topic, Key: key, Source: "/hrflow/test", Type: topic, Time: time.Now().UTC(), Value: fmt.Appendf(nil, `{"id":%q}`, id),
	}
}

// events are n of one key.
func events(key string, n int) []bridge.Message {
	msgs := make([]bridge.Message, n)
	for i := range msgs {
		msgs[i] = event(fmt.Sprintf("%s-%d", key, i))
	}
	return msgs
}

func mustPublish(t testing.TB, p *kafka.Publisher, msgs []bridge.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.Publish(ctx, msgs); err != nil {
		t.Errorf("Publish: %v", err)
	}
}

func wantKind(t testing.TB, err error, kind bridge.Kind) {
	t.Helper()
	e, ok := errors.AsType[*bridge.Error](err)
	if !ok || e.Kind != kind {
		t.Errorf("the error is %v; want one of kind %v", err, kind)
	}
}

func wantText(t testing.TB, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%v does not say %q", err, text)
	}
}

func wantIDs(t testing.TB, brokers []string, want ...string) {
	t.Helper()
	want = slices.Sorted(slices.Values(want))
	if got := idsOf(read(t, brokers, topic)); !slices.Equal(got, want) {
		t.Errorf("stored are %v; want %v", got, want)
	}
}

// TestTheWireAsksForAllReplicas looks at the requests as a broker decodes them.
func TestTheWireAsksForAllReplicas(t *testing.T) {
	t.Parallel()
	for name, idempotent := range map[string]bool{"idempotent": true, "not idempotent": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFake(t, 1, topics())
			seen := make(chan *kmsg.ProduceRequest, 100)
			f.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
				f.KeepControl()
				seen <- r.(*kmsg.ProduceRequest)
				return nil, nil, false
			})
			p := openReady(t, f.publisherOptions(topics(), func(o *kafka.Options) { o.Idempotent = idempotent }))
			mustPublish(t, p, events("a", 3))
			close(seen)
			n := 0
			for r := range seen {
				n++
				if r.Acks != -1 || r.TransactionID != nil || r.TimeoutMillis <= 0 {
					t.Errorf("acks %d, transaction %v, timeout %d ms", r.Acks, r.TransactionID, r.TimeoutMillis)
				}
				var b kmsg.RecordBatch
				if err := b.ReadFrom(r.Topics[0].Partitions[0].Records); err != nil {
					t.Fatal(err)
				}
				if b.Magic != 2 || b.NumRecords != 3 || (b.ProducerID >= 0) != idempotent {
					t.Errorf("magic %d, %d records, producer %d", b.Magic, b.NumRecords, b.ProducerID)
				}
			}
			if n != 1 {
				t.Errorf("%d requests for one call; want 1", n)
			}
		})
	}
}

func TestOptionsThatCanNeverWorkAreRefused(t *testing.T) {
	t.Parallel()
	o := kafka.Defaults()
	o.Compression = "stone"
	if _, err := kafka.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "kafka.compression") {
		t.Errorf("got %v", err)
	}
}

func TestAMessageOnATopicThatIsNotThereIsRefusedWithTheRemedy(t *testing.T) {
	t.Parallel()
	f := startFake(t, 1, topics())
	p := openReady(t, f.publisherOptions(topics(), func(o *kafka.Options) { o.Topics.Provision = false }))
	m := event("a-0")
	m.Topic = "profile.unheard.success"
	err := p.Publish(t.Context(), []bridge.Message{m})
	wantKind(t, err, bridge.KindRefused)
	wantText(t, err, "kafka.provision")
	mustPublish(t, p, events("b", 1))
}

func TestATopicIsMadeWhenItIsFirstPublishedTo(t *testing.T) {
	t.Parallel()
	f := startFake(t, 3, topics())
	p := openReady(t, f.publisherOptions(topics()))
	m := event("a-0")
	m.Topic = "profile.first.use"
	mustPublish(t, p, []bridge.Message{m})
	if ids := idsOf(read(t, f.ListenAddrs(), m.Topic)); !slices.Equal(ids, []string{"a-0"}) {
		t.Errorf("stored are %v", ids)
	}
}

func TestAMessageTooLargeForTheBrokerAloneNamesItsIndex(t *testing.T) {
	t.Parallel()
	f := startFake(t, 1, topics())
	p := openReady(t, f.publisherOptions(topics(), func(o *kafka.Options) { o.Compression = kafka.CompressNone }))
	f.configure(t, topic, "max.message.bytes", "20000") // which the publisher does not know: the broker's answer is what tells
	msgs := events("a", 5)
	msgs[3].Value = make([]byte, 30_000)
	err := p.Publish(t.Context(), msgs)
	wantKind(t, err, bridge.KindTooLarge)
	if e, ok := errors.AsType[*bridge.Error](err); !ok || !slices.Equal(e.Indexes, []int{3}) {
		t.Errorf("got %v; want index 3", err)
	}
	mustPublish(t, p, events("b", 3))
}

func TestABatchTooLargeIsSplit(t *testing.T) {
	t.Parallel()
	f := startFake(t, 1, topics())
	p := openReady(t, f.publisherOptions(topics(), func(o *kafka.Options) { o.Compression = kafka.CompressNone }))
	f.configure(t, topic, "max.message.bytes", "20000")
	msgs := events("a", 50)
	var want []string
	for i := range msgs {
		msgs[i].Value = make([]byte, 3_000)
		want = append(want, msgs[i].ID)
	}
	mustPublish(t, p, msgs)
	wantIDs(t, f.ListenAddrs(), want...)
	wantOrder(t, f, want)
}

// wantOrder holds that these ids of one key are stored in this order.
func wantOrder(t testing.TB, f *fake, want []string) {
	t.Helper()
	var got []string
	for _, m := range messages(t, read(t, f.ListenAddrs(), topic)) {
		if slices.Contains(want, m.ID) {
			got = append(got, m.ID)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the order is %v; want %v", got, want)
	}
}
