package publishers_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers"
	"hrbridge/publishers/embedded"
	"hrbridge/publishers/kafka"
	"hrbridge/publishers/nats"
	"hrbridge/publishers/spool"
)

func options(t *testing.T) publishers.Options {
	o := publishers.Options{Name: publishers.Embedded, NATS: nats.Defaults(), Embedded: embedded.Defaults(), Kafka: kafka.Defaults(), Spool: spool.Defaults()}
	o.Embedded.DataDir = t.TempDir()
	o.Embedded.Listen = "127.0.0.1:0"
	o.Embedded.MinFree, o.Spool.MinFree = 0, 0
	o.Spool.DataDir = o.Embedded.DataDir
	o.Embedded.Stream.Subjects = bridge.DefaultFanoutOptions().StreamSubjects()
	o.NATS.Stream = o.Embedded.Stream
	return o
}

func TestOptionsThatCanNeverWorkCountAsConfiguration(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*publishers.Options){
		"an unknown name":                   func(o *publishers.Options) { o.Name = "pigeons" },
		"of nats":                           func(o *publishers.Options) { o.Name, o.NATS.Stream.Subjects = publishers.NATS, nil },
		"of the embedded broker":            func(o *publishers.Options) { o.Embedded.Listen = ":4222" },
		"of kafka":                          func(o *publishers.Options) { o.Name, o.Kafka.Brokers = publishers.Kafka, nil },
		"of the stream in the embedded one": func(o *publishers.Options) { o.Embedded.Stream.Subjects = nil },
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			change(&o)
			if p, err := publishers.Open(t.Context(), o); p != nil || !errors.Is(err, publishers.ErrConfiguration) {
				t.Errorf("got %v, %v", p, err)
			}
		})
	}
}

func TestTheEnvironmentDoesNotCountAsConfiguration(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Embedded.DataDir = filepath.Join("/dev/null", "data")
	if p, err := publishers.Open(t.Context(), o); p != nil || err == nil || errors.Is(err, publishers.ErrConfiguration) {
		t.Errorf("got %v, %v", p, err)
	}
}

func TestABrokerThatIsAwayIsNotReady(t *testing.T) {
	t.Parallel()
	for _, name := range []string{publishers.NATS, publishers.Kafka} {
		o := options(t)
		o.Name, o.NATS.URL, o.Kafka.Brokers = name, "nats://127.0.0.1:1", []string{"127.0.0.1:1"}
		o.Spool.Mode = spool.Off
		p, err := publishers.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if kind := bridge.KindOf(p.Ready(t.Context())); kind != bridge.KindUnavailable {
			t.Errorf("%s: ready is %v", name, kind)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestABrokerThatIsAwayIsSpooledForUnlessItIsOff(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Name, o.NATS.URL = publishers.NATS, "nats://127.0.0.1:1"
	p, err := publishers.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	sent := bridge.Message{ID: "1", Topic: "job.parsing.error", Source: "/hrflow/test", Type: "job.parsing.error", Time: time.Now(), Value: []byte("{}")}
	if err := p.Publish(t.Context(), []bridge.Message{sent}); err != nil || p.Ready(t.Context()) != nil {
		t.Errorf("publish: %v, ready: %v", err, p.Ready(t.Context()))
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestWhatIsPublishedIsFollowed(t *testing.T) {
	t.Parallel()
	o := options(t)
	p, err := publishers.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	sent := bridge.Message{ID: "1", Topic: "job.parsing.error", Source: "/hrflow/test", Type: "job.parsing.error", Time: time.Now(), Value: []byte("{}")}
	if err := p.Publish(t.Context(), []bridge.Message{sent}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	enough := errors.New("enough")
	err = publishers.Tail(ctx, publishers.TailOptions{
		Name:    publishers.Embedded,
		NATS:    nats.TailOptions{URL: p.(*embedded.Broker).ClientURL(), Stream: o.Embedded.Stream.Name},
		Reading: bridge.Reading{Topics: []string{"job.*.*"}, From: bridge.From{Start: true}},
	}, func(r bridge.Record) error {
		if r.Message.ID != sent.ID || r.Message.Topic != sent.Topic || !strings.EqualFold(string(r.Message.Value), "{}") {
			t.Errorf("got %s on %s", r.Message.ID, r.Message.Topic)
		}
		return enough
	})
	if !errors.Is(err, enough) {
		t.Errorf("Tail: %v", err)
	}
}
