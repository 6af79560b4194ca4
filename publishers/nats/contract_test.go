package nats_test

import (
	"context"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
	"hrbridge/publishers/publishertest"
)

func TestPipelineKeepsTheContract(t *testing.T) { keepsTheContract(t, nats.CommitPipeline) }

func TestBatchKeepsTheContract(t *testing.T) { keepsTheContract(t, nats.CommitBatch) }

func keepsTheContract(t *testing.T, commit nats.Commit) {
	b := startBroker(t, func(o *server.Options) { o.SyncAlways = false })
	publishertest.Run(t, publishertest.Harness{
		Open: func(t testing.TB) publishertest.Publisher {
			purge(t, b) // what tests before stored only makes reading slower
			p, err := nats.Open(context.Background(), b.publisherOptions(func(o *nats.Options) {
				o.Commit, o.Stream.Subjects = commit, publishertest.Topics()
			}))
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
		ReadAll:    func(t testing.TB, topics ...string) []bridge.Message { return readAll(t, b, topics) },
		MaxMessage: bridge.MaxMessage,
		Dedupes:    true,
		Stop:       func(testing.TB) { b.stop() },
		Start:      func(testing.TB) { b.start() },
	})
}

// purge empties the stream, where there is one.
func purge(t testing.TB, b *broker) {
	t.Helper()
	nc, err := natsgo.Connect(b.url())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := js.Stream(context.Background(), "EVENTS"); err == nil {
		if err := s.Purge(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// readAll reads the stream as a plain subscriber would, by the names in the documentation.
func readAll(t testing.TB, b *broker, topics []string) []bridge.Message {
	t.Helper()
	nc, err := natsgo.Connect(b.url())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	var all []bridge.Message
	for _, m := range held(t, js, topics...) {
		all = append(all, fromWire(t, m))
	}
	return all
}

func fromWire(t testing.TB, m jetstream.Msg) bridge.Message {
	t.Helper()
	h := m.Headers()
	want := map[string]string{"ce-specversion": "1.0", "content-type": "application/json", natsgo.MsgIdHdr: h.Get("ce-id")}
	for name, value := range want {
		if h.Get(name) != value {
			t.Errorf("header %s is %q, want %q", name, h.Get(name), value)
		}
	}
	key, err := url.PathUnescape(h.Get("ce-subject"))
	if err != nil {
		t.Error(err)
	}
	at, err := time.Parse(time.RFC3339Nano, h.Get("ce-time"))
	if err != nil {
		t.Error(err)
	}
	back := bridge.Message{
		ID: h.Get("ce-id"), Topic: m.Subject(), Key: key, Source: h.Get("ce-source"), Type: h.Get("ce-type"), Time: at, Value: m.Data(),
	}
	for name, values := range h {
		if slices.Contains([]string{bridge.HeaderReason, bridge.HeaderType, bridge.HeaderTraceparent}, name) {
			back.Headers = append(back.Headers, bridge.Header{Name: name, Value: values[0]})
		}
	}
	return back
}
