package nats_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
)

// patience bounds every wait for something that has to happen.
const patience = 15 * time.Second

// broker is a real nats-server in this process, on a port and a store that it keeps through restarts.
type broker struct {
	t       testing.TB
	options server.Options
	server  *server.Server
}

// startBroker starts a server with JetStream on a free port; change may alter its options.
func startBroker(t testing.TB, change func(*server.Options)) *broker {
	t.Helper()
	b := &broker{t: t, options: server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(),
		NoLog: true, NoSigs: true, MaxPayload: bridge.MaxMessage,
	}}
	if change != nil {
		change(&b.options)
	}
	b.start()
	t.Cleanup(b.stop)
	return b
}

func (b *broker) start() {
	b.t.Helper()
	options := b.options
	s, err := server.NewServer(&options)
	if err != nil {
		b.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		b.t.Fatal("the server does not start")
	}
	b.server, b.options.Port = s, options.Port
}

// stop ends the server; it may be started again.
func (b *broker) stop() {
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
		b.server = nil
	}
}

func (b *broker) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", b.options.Port) }

// client is a plain connection to the broker, and JetStream on it.
func (b *broker) client(options ...natsgo.Option) jetstream.JetStream {
	b.t.Helper()
	nc, err := natsgo.Connect(b.url(), options...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		b.t.Fatal(err)
	}
	return js
}

// options publish to the broker's stream EVENTS.
func (b *broker) publisherOptions(change ...func(*nats.Options)) nats.Options {
	o := nats.Defaults()
	o.URL = b.url()
	o.Stream.Name = "EVENTS"
	o.Stream.Subjects = []string{"profile.*.*", "job.*.*", "dead.letter"}
	for _, c := range change {
		c(&o)
	}
	return o
}

// open returns a publisher that is closed when the test ends.
func open(t testing.TB, o nats.Options) *nats.Publisher {
	t.Helper()
	p, err := nats.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// openReady returns a publisher that is ready.
func openReady(t testing.TB, o nats.Options) *nats.Publisher {
	t.Helper()
	p := open(t, o)
	eventually(t, func() error { return p.Ready(context.Background()) })
	return p
}

// restart stops the broker, does what is to be done meanwhile, and starts it again; p has noticed both.
func (b *broker) restart(p *nats.Publisher, meanwhile func()) {
	b.t.Helper()
	b.stop()
	eventually(b.t, func() error {
		if p.Ready(context.Background()) == nil {
			return errors.New("the publisher does not notice that the server is gone")
		}
		return nil
	})
	meanwhile()
	b.start()
	eventually(b.t, func() error { return p.Ready(context.Background()) })
}

// eventually waits for check to be content.
func eventually(t testing.TB, check func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// wantKind fails the test when err is not of kind.
func wantKind(t testing.TB, err error, kind bridge.Kind) *bridge.Error {
	t.Helper()
	e, ok := errors.AsType[*bridge.Error](err)
	if !ok || e.Kind != kind {
		t.Fatalf("got the error %v (%v), want one of kind %v", err, bridge.KindOf(err), kind)
	}
	return e
}

// event is a message with an id of its own.
func event(id string, change ...func(*bridge.Message)) bridge.Message {
	m := bridge.Message{
		ID: id, Topic: "profile.parsing.success", Key: "key-1", Source: "/hrflow/hrflow", Type: "profile.parsing.success",
		Time: time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC), Value: []byte(`{"id":"` + id + `"}`),
	}
	for _, c := range change {
		c(&m)
	}
	return m
}

// events are n messages whose ids start with name.
func events(name string, n int) []bridge.Message {
	msgs := make([]bridge.Message, n)
	for i := range msgs {
		msgs[i] = event(fmt.Sprintf("%s-%d", name, i))
	}
	return msgs
}

// held are the messages that the stream holds, of these topics or of all, in its order.
func held(t testing.TB, js jetstream.JetStream, topics ...string) []jetstream.Msg {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	consumer, err := js.CreateConsumer(ctx, "EVENTS", jetstream.ConsumerConfig{
		FilterSubjects: topics, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = js.DeleteConsumer(ctx, "EVENTS", consumer.CachedInfo().Name) }()
	var msgs []jetstream.Msg
	for pending := int(consumer.CachedInfo().NumPending); len(msgs) < pending; {
		got, err := consumer.Fetch(min(pending-len(msgs), 1000), jetstream.FetchMaxWait(patience))
		if err != nil {
			t.Fatal(err)
		}
		before := len(msgs)
		for m := range got.Messages() {
			msgs = append(msgs, m)
		}
		if len(msgs) == before {
			t.Fatalf("%d messages do not come: %v", pending-before, got.Error())
		}
	}
	return msgs
}

// heldIDs are the ids of the messages that the stream holds, in its order.
func heldIDs(t testing.TB, js jetstream.JetStream) []string {
	t.Helper()
	msgs := held(t, js)
	ids := make([]string, len(msgs))
	for i, m := range msgs {
		ids[i] = m.Headers().Get("ce-id")
	}
	return ids
}
