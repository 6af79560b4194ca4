package embedded_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"hrbridge/bridge"
	"hrbridge/publishers/embedded"
	"hrbridge/publishers/publishertest"
)

const deadLetters = "hrbridge.deadletter"

// options are those of a broker of the test's own, on any port.
func options(t testing.TB) embedded.Options {
	o := embedded.Defaults()
	o.DataDir = t.TempDir()
	o.Listen = "127.0.0.1:0"
	o.MinFree = 0
	o.DiskInterval = 10 * time.Millisecond
	o.Stream.Subjects = bridge.DefaultFanoutOptions().StreamSubjects()
	o.Log = zap.NewNop()
	return o
}

func open(t testing.TB, o embedded.Options) *embedded.Broker {
	t.Helper()
	b, err := embedded.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeBroker(t, b) })
	if err := b.Ready(t.Context()); err != nil {
		t.Fatalf("not ready: %v", err)
	}
	return b
}

func closeBroker(t testing.TB, b *embedded.Broker) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// connect is a subscriber that knows nothing of hrbridge.
func connect(t testing.TB, b *embedded.Broker, how ...natsgo.Option) *natsgo.Conn {
	t.Helper()
	nc, err := natsgo.Connect(b.ClientURL(), how...)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func jetStream(t testing.TB, nc *natsgo.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// readAll returns what the stream holds of topics, read as a subscriber does.
func readAll(t testing.TB, b *embedded.Broker, topics ...string) []bridge.Message {
	t.Helper()
	nc := connect(t, b)
	defer nc.Close()
	js := jetStream(t, nc)
	consumer, err := js.OrderedConsumer(t.Context(), "HRFLOW", jetstream.OrderedConsumerConfig{FilterSubjects: topics})
	if err != nil {
		t.Fatalf("consume: %v", err)
	}
	info, err := consumer.Info(t.Context())
	if err != nil {
		t.Fatalf("consumer: %v", err)
	}
	iterator, err := consumer.Messages()
	if err != nil {
		t.Fatalf("consume: %v", err)
	}
	defer iterator.Stop()
	messages := make([]bridge.Message, 0, info.NumPending)
	for range info.NumPending {
		m, err := iterator.Next(jetstream.NextMaxWait(10 * time.Second))
		if err != nil {
			t.Fatalf("after %d of %d messages: %v", len(messages), info.NumPending, err)
		}
		messages = append(messages, decode(t, m))
	}
	return messages
}

func decode(t testing.TB, m jetstream.Msg) bridge.Message {
	t.Helper()
	header := m.Headers()
	at, err := time.Parse(time.RFC3339Nano, header.Get("ce-time"))
	if err != nil {
		t.Errorf("ce-time: %v", err)
	}
	key, err := url.PathUnescape(header.Get("ce-subject"))
	if err != nil {
		t.Errorf("ce-subject: %v", err)
	}
	if header.Get("content-type") != bridge.ContentType || header.Get("ce-specversion") != bridge.SpecVersion {
		t.Errorf("content type %q, specversion %q", header.Get("content-type"), header.Get("ce-specversion"))
	}
	message := bridge.Message{
		ID: header.Get("ce-id"), Topic: m.Subject(), Key: key, Source: header.Get("ce-source"), Type: header.Get("ce-type"),
		Time: at, Value: m.Data(),
	}
	for _, name := range []string{bridge.HeaderReason, bridge.HeaderType, bridge.HeaderTraceparent} {
		if value := header.Get(name); value != "" {
			message.Headers = append(message.Headers, bridge.Header{Name: name, Value: value})
		}
	}
	return message
}

func messages(prefix string, n int) []bridge.Message {
	all := make([]bridge.Message, n)
	for i := range all {
		id := fmt.Sprint(prefix, i)
		all[i] = bridge.Message{
			ID: id, Topic: "profile.parsing.success", Key: prefix, Source: "/hrflow/test", Type: "profile.parsing.success",
			Time: time.Now(), Value: []byte(`{"id":"` + id + `"}`),
		}
	}
	return all
}

func publish(t testing.TB, b *embedded.Broker, msgs []bridge.Message) {
	t.Helper()
	if err := b.Publish(t.Context(), msgs); err != nil {
		t.Fatalf("Publish: %v", err)
	}
}

func ids(msgs []bridge.Message) string {
	var all []string
	for _, m := range msgs {
		all = append(all, m.ID)
	}
	return strings.Join(all, " ")
}

func wantStored(t testing.TB, b *embedded.Broker, want ...[]bridge.Message) {
	t.Helper()
	if got, want := ids(readAll(t, b, publishertest.Topics()...)), ids(slices.Concat(want...)); got != want {
		t.Errorf("stored: %s, want %s", got, want)
	}
}

func TestContract(t *testing.T) {
	o := options(t)
	o.DiskInterval = time.Hour // the suite stops and starts the server itself
	var current *embedded.Broker
	publishertest.Run(t, publishertest.Harness{
		Open: func(t testing.TB) publishertest.Publisher {
			o.DataDir = t.TempDir()
			b, err := embedded.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			current = b
			return b
		},
		ReadAll: func(t testing.TB, topics ...string) []bridge.Message {
			return readAll(t, current, topics...)
		},
		MaxMessage: bridge.MaxMessage,
		Dedupes:    true,
		Stop:       func(testing.TB) { current.StopEngine() },
		Start: func(t testing.TB) {
			if err := current.StartEngine(); err != nil {
				t.Fatal(err)
			}
		},
	})
}

func TestARestartKeepsMessagesAndRemembersIDs(t *testing.T) {
	t.Parallel()
	o := options(t)
	b := open(t, o)
	before := messages("before", 30)
	publish(t, b, before)
	closeBroker(t, b)

	b = open(t, o)
	wantStored(t, b, before)
	after := messages("after", 3)
	publish(t, b, slices.Concat(before[:10], after, before[10:]))
	wantStored(t, b, before, after)
}

func TestAListenerIsOptional(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Listen = ""
	b := open(t, o)
	publish(t, b, messages("a", 1))
	if b.ClientURL() != "" {
		t.Errorf("URL %s without a listener", b.ClientURL())
	}
}

func TestABrokenStoreIsStartedAgain(t *testing.T) {
	t.Parallel()
	b := open(t, options(t))
	address := b.ClientURL()
	before := messages("before", 5)
	publish(t, b, before)
	if err := b.BreakStore(); err != nil {
		t.Fatal(err)
	}
	after := messages("after", 5)
	deadline, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for b.Publish(deadline, after) != nil {
		if deadline.Err() != nil {
			t.Fatalf("never back: %v", b.Ready(t.Context()))
		}
		time.Sleep(10 * time.Millisecond)
	}
	wantStored(t, b, before, after)
	if b.ClientURL() != address {
		t.Errorf("came back at %s, was at %s", b.ClientURL(), address)
	}
}
