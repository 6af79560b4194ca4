package spool_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/prometheus/client_golang/prometheus"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
	"hrbridge/publishers/publishertest"
	"hrbridge/publishers/spool"
)

// patience bounds every wait for something that has to happen.
const patience = 60 * time.Second

const deadLetters = "hrbridge.deadletter"

// broker is a real nats-server in this process, on a port and a store that it keeps through restarts.
type broker struct {
	t       testing.TB
	options server.Options
	server  *server.Server
}

// newBroker is a broker that runs, on a port that it keeps.
func newBroker(t testing.TB) *broker {
	t.Helper()
	b := &broker{t: t, options: server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true, MaxPayload: bridge.MaxMessage,
	}}
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

func (b *broker) stop() {
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
		b.server = nil
	}
}

func (b *broker) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", b.options.Port) }

// inner is a publisher to the broker, which need not run.
func (b *broker) inner(change ...func(*nats.Options)) *nats.Publisher {
	b.t.Helper()
	o := nats.Defaults()
	o.URL = b.url()
	o.Stream.Name = "EVENTS"
	o.Stream.Subjects = bridge.DefaultFanoutOptions().StreamSubjects()
	for _, c := range change {
		c(&o)
	}
	p, err := nats.Open(b.t.Context(), o)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// stored is what the broker's stream holds, in its order.
func (b *broker) stored() []bridge.Message {
	b.t.Helper()
	var all []bridge.Message
	o := nats.TailOptions{URL: b.url(), ConnectTimeout: patience, Stream: "EVENTS"}
	o.Reading = bridge.Reading{Topics: []string{"*.*.*", deadLetters}, From: bridge.From{Start: true}, ToEnd: true}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := nats.Tail(ctx, o, func(r bridge.Record) error { all = append(all, r.Message); return nil }); err != nil {
		b.t.Fatal(err)
	}
	return all
}

func options(t testing.TB) spool.Options {
	o := spool.Defaults()
	o.DataDir = t.TempDir()
	o.MinFree = 0
	o.DiskInterval = 10 * time.Millisecond
	o.Metrics = prometheus.NewPedanticRegistry()
	return o
}

// open opens the spool around inner; it is closed when the test ends.
func open(t testing.TB, inner spool.Inner, o spool.Options) *spool.Publisher {
	t.Helper()
	p, err := spool.Open(t.Context(), inner, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closePublisher(t, p) })
	return p
}

func closePublisher(t testing.TB, p interface{ Close() error }) {
	t.Helper()
	if err := p.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// eventually waits for check to be content.
func eventually(t testing.TB, check func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func ready(t testing.TB, p interface{ Ready(context.Context) error }) {
	t.Helper()
	eventually(t, func() error { return p.Ready(context.Background()) })
}

// drained waits until nothing is left in the spool.
func drained(t testing.TB, p *spool.Publisher) {
	t.Helper()
	eventually(t, func() error {
		if n := p.Depth(); n > 0 {
			return fmt.Errorf("%d events are still in the spool: %s", n, p.Degraded(context.Background()))
		}
		return nil
	})
}

// events are n messages of a key.
func events(key string, n int) []bridge.Message {
	msgs := make([]bridge.Message, n)
	for i := range msgs {
		id := fmt.Sprintf("%s-%d", key, i)
		msgs[i] = bridge.Message{
			ID: id, Topic: "profile.parsing.success", Key: key, Source: "/hrflow/test", Type: "profile.parsing.success",
			Time: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), Value: []byte(`{"id":"` + id + `","full_name":"Ada Example"}`),
		}
	}
	return msgs
}

func publish(t testing.TB, p bridge.Publisher, msgs ...bridge.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.Publish(ctx, msgs); err != nil {
		t.Fatalf("Publish: %v", err)
	}
}

func ids(msgs []bridge.Message) string {
	all := make([]string, len(msgs))
	for i := range msgs {
		all[i] = msgs[i].ID
	}
	return strings.Join(all, " ")
}

// wantStored fails where the broker does not hold exactly these, in this order.
func (b *broker) wantStored(want ...bridge.Message) {
	b.t.Helper()
	if got, want := ids(b.stored()), ids(want); got != want {
		b.t.Errorf("the broker holds %s; want %s", got, want)
	}
}

// metric is the sum of a metric of the spool.
func metric(t testing.TB, o spool.Options, name string) float64 {
	t.Helper()
	families, err := o.Metrics.(*prometheus.Registry).Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() == "hrbridge_spool_"+name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func TestSpoolKeepsTheContract(t *testing.T) {
	b := newBroker(t)
	var current *spool.Publisher
	publishertest.Run(t, publishertest.Harness{
		Open: func(t testing.TB) publishertest.Publisher {
			inner := b.inner()
			p, err := spool.Open(context.Background(), inner, options(t))
			if err != nil {
				t.Fatal(err)
			}
			ready(t, inner)
			current = p
			return p
		},
		ReadAll: func(t testing.TB, topics ...string) []bridge.Message {
			drained(t, current)
			all := b.stored()
			kept := all[:0]
			for _, m := range all {
				for _, topic := range topics {
					if m.Topic == topic {
						kept = append(kept, m)
					}
				}
			}
			return kept
		},
		MaxMessage: bridge.MaxMessage,
		Dedupes:    true,
		Spools:     true,
		Stop:       func(testing.TB) { b.stop() },
		Start:      func(testing.TB) { b.start() },
	})
}

// restrict makes the broker ask for users: "restricted" may do everything but publish on topic, anybody else everything.
func (b *broker) restrict(topic string) {
	b.t.Helper()
	b.stop()
	b.options.Users = []*server.User{
		{Username: "anybody", Password: "anybody"},
		{Username: "restricted", Password: "restricted", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{topic}}}},
	}
	b.options.NoAuthUser = "anybody"
	b.start()
}
