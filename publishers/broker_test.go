package publishers_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers"
	"hrbridge/publishers/embedded"
	"hrbridge/publishers/nats"
)

// everything is what there is now.
func everything() bridge.Reading { return bridge.Reading{From: bridge.From{Start: true}, ToEnd: true} }

// running opens the embedded broker of a bridge, and says how it is read.
func running(t *testing.T, o publishers.Options) (publishers.Publisher, publishers.TailOptions) {
	t.Helper()
	p, err := publishers.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p, publishers.TailOptions{Name: publishers.Embedded, NATS: nats.TailOptions{
		URL: p.(*embedded.Broker).ClientURL(), Stream: o.Embedded.Stream.Name, ConnectTimeout: 10 * time.Second,
		Auth: nats.Auth{Token: o.Embedded.Token},
	}}
}

func event(id string) bridge.Message {
	return bridge.Message{ID: id, Topic: "job.parsing.success", Key: "j1", Source: "/hrflow/hrflow", Type: "job.parsing.success", Time: time.Now(), Value: []byte("{}")}
}

// workOn publishes a message on the broker and reads everything.
func workOn(t *testing.T, o publishers.Options, reading publishers.TailOptions) []string {
	t.Helper()
	b, err := publishers.Approach(t.Context(), o, reading)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := b.Publisher(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Publish(ctx, []bridge.Message{event("again")}), p.Close()); err != nil {
		t.Error(err)
	}
	var ids []string
	if err := b.Tail(ctx, everything(), func(r bridge.Record) error {
		ids = append(ids, r.Message.ID)
		return nil
	}); err != nil {
		t.Error(err)
	}
	return ids
}

func TestTheEmbeddedBrokerIsWorkedOnWhetherTheBridgeRunsOrNot(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Embedded.Token = "of the subscribers"
	p, reading := running(t, o)
	if err := p.Publish(t.Context(), []bridge.Message{event("first")}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(workOn(t, o, reading), " "); got != "first again" {
		t.Errorf("while it runs: %s", got)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(workOn(t, o, reading), " "); got != "first again" { // the id is known: it is stored once
		t.Errorf("while it is stopped: %s", got)
	}
}

func TestTheBrokerSaysWhyItCannotBeWorkedOn(t *testing.T) {
	t.Parallel()
	o := options(t)
	if _, err := publishers.Approach(t.Context(), o, publishers.TailOptions{}); !errors.Is(err, embedded.ErrNoStore) || bridge.KindOf(err) != bridge.KindUnavailable {
		t.Errorf("nothing there: %v", err)
	}

	silent := options(t)
	silent.Embedded.Listen = ""
	running(t, silent)
	if _, err := publishers.Approach(t.Context(), silent, publishers.TailOptions{}); bridge.KindOf(err) != bridge.KindUnavailable || !strings.Contains(err.Error(), "set embedded.listen") {
		t.Errorf("without a listener: %v", err)
	}

	heard := options(t)
	_, reading := running(t, heard)
	reading.NATS.URL = "nats://192.0.2.1:4222"
	b, err := publishers.Approach(t.Context(), heard, reading)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Publisher(t.Context(), false); err == nil || !strings.Contains(err.Error(), "embedded.tls.cert_file") {
		t.Errorf("in clear text over the network: %v", err)
	}

	away := options(t)
	away.Name, away.NATS.URL = publishers.NATS, "nats://127.0.0.1:1"
	b, err = publishers.Approach(t.Context(), away, publishers.TailOptions{Name: publishers.NATS, NATS: nats.TailOptions{URL: away.NATS.URL, Stream: "HRFLOW"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Tail(t.Context(), everything(), func(bridge.Record) error { return nil }); bridge.KindOf(err) != bridge.KindUnavailable {
		t.Errorf("a broker that is away: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := b.Publisher(ctx, false); bridge.KindOf(err) != bridge.KindUnavailable {
		t.Errorf("a broker that is away: %v", err)
	}
}
