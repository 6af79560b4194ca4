package nats_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
)

// withValue is an event with a value of n bytes.
func withValue(id string, n int) bridge.Message {
	return event(id, func(m *bridge.Message) { m.Value = bytes.Repeat([]byte("x"), n) })
}

// edit changes the stream behind the publisher's back.
func edit(t testing.TB, js jetstream.JetStream, change func(*jetstream.StreamConfig)) {
	t.Helper()
	s, err := js.Stream(context.Background(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	config := s.CachedInfo().Config
	change(&config)
	if _, err := js.UpdateStream(context.Background(), config); err != nil {
		t.Fatal(err)
	}
}

func TestAMessageLargerThanTheServerTakesFailsBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, func(o *server.Options) { o.MaxPayload = 64 << 10 })
		p := openReady(t, b.publisherOptions(commit))
		err := p.Publish(t.Context(), []bridge.Message{event("a"), withValue("b", 64<<10), event("c"), withValue("d", 70<<10)})
		if e := wantKind(t, err, bridge.KindTooLarge); !slices.Equal(e.Indexes, []int{1, 3}) {
			t.Errorf("the indexes are %v", e.Indexes)
		}
		if ids := heldIDs(t, b.client()); len(ids) != 0 {
			t.Errorf("the stream holds %v", ids)
		}
		if err := p.Ready(t.Context()); err != nil {
			t.Errorf("not ready although nothing is wrong with the broker: %v", err)
		}
	})
}

func TestAMessageLargerThanTheStreamTakesByNowNamesItsIndex(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	p := openReady(t, b.publisherOptions())
	edit(t, b.client(), func(c *jetstream.StreamConfig) { c.MaxMsgSize = 2000 })
	err := p.Publish(t.Context(), []bridge.Message{event("a"), event("b"), withValue("c", 4000)})
	if e := wantKind(t, err, bridge.KindTooLarge); !slices.Equal(e.Indexes, []int{2}) {
		t.Errorf("the indexes are %v", e.Indexes)
	}
}

func TestWhatNoRetryChangesGoesBeforeWhatOneMay(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	p := openReady(t, b.publisherOptions())
	edit(t, b.client(), func(c *jetstream.StreamConfig) { c.MaxMsgSize, c.MaxMsgs = 2000, 1 })
	err := p.Publish(t.Context(), []bridge.Message{event("fits"), event("full"), withValue("large", 4000), event("full too")})
	if e := wantKind(t, err, bridge.KindTooLarge); !slices.Equal(e.Indexes, []int{2}) {
		t.Errorf("the indexes are %v", e.Indexes)
	}
}

func TestAFullStreamIsFullAndNotReadyUntilSomethingIsStored(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, nil)
		js := b.client()
		p := openReady(t, b.publisherOptions(commit, func(o *nats.Options) { o.Stream.MaxMessages = 5 }))
		if err := p.Publish(t.Context(), events("fits", 5)); err != nil {
			t.Fatal(err)
		}
		wantKind(t, p.Publish(t.Context(), events("more", 3)), bridge.KindFull)
		wantKind(t, p.Ready(t.Context()), bridge.KindFull)
		if ids := heldIDs(t, js); len(ids) != 5 || ids[0] != "fits-0" {
			t.Errorf("something unread was dropped: the stream holds %v", ids)
		}
		s, err := js.Stream(t.Context(), "EVENTS")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := p.Publish(t.Context(), events("again", 3)); err != nil {
			t.Fatal(err)
		}
		if err := p.Ready(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestTheServersStoreLimitIsFull(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, func(o *server.Options) { o.JetStreamMaxStore = 1 << 20 })
		p := openReady(t, b.publisherOptions(commit))
		var err error
		for i := 0; i < 40 && err == nil; i++ {
			err = p.Publish(t.Context(), []bridge.Message{withValue(fmt.Sprint("a", i), 64<<10), withValue(fmt.Sprint("b", i), 64<<10)})
		}
		wantKind(t, err, bridge.KindFull)
	})
}

func TestADeletedStreamIsUnavailableAndMadeAnew(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, nil)
		p := openReady(t, b.publisherOptions(commit))
		time.Sleep(1100 * time.Millisecond) // a stream that was just looked at is not looked at again
		if err := b.client().DeleteStream(t.Context(), "EVENTS"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		wantKind(t, p.Publish(t.Context(), events("lost", 2)), bridge.KindUnavailable)
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %v to say so", took)
		}
		eventually(t, func() error { return p.Publish(context.Background(), events("found", 2)) })
	})
}

func TestADeletedStreamThatMayNotBeMadeIsNotReady(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	o := b.publisherOptions()
	_ = openReady(t, o).Close()
	o.Provision = false
	p := openReady(t, o)
	time.Sleep(1100 * time.Millisecond)
	if err := b.client().DeleteStream(t.Context(), "EVENTS"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, p.Publish(t.Context(), events("lost", 2)), bridge.KindUnavailable)
	eventually(t, func() error {
		if err := p.Ready(t.Context()); bridge.KindOf(err) != bridge.KindRefused || !strings.Contains(err.Error(), "nats.provision") {
			return fmt.Errorf("Ready says %w", errors.Join(err, errors.New("want the remedy")))
		}
		return nil
	})
}

func TestAStreamThatRefusesIsRefused(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	p := openReady(t, b.publisherOptions())
	edit(t, b.client(), func(c *jetstream.StreamConfig) { c.Sealed = true })
	wantKind(t, p.Publish(t.Context(), events("late", 2)), bridge.KindRefused)
	wantKind(t, p.Ready(t.Context()), bridge.KindRefused)
}

func TestAnAcknowledgementOfAnotherStreamIsNone(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	p := openReady(t, b.publisherOptions())
	js := b.client()
	if err := js.DeleteStream(t.Context(), "EVENTS"); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"profile.>"}, Storage: jetstream.MemoryStorage}); err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(t.Context(), events("astray", 3)); err == nil {
		t.Error("what another stream stored counts as published")
	}
}

func TestNoMessagesIsNil(t *testing.T) {
	t.Parallel()
	o := nats.Defaults()
	o.URL = "nats://127.0.0.1:1"
	o.Stream.Subjects = []string{"profile.>"}
	p := open(t, o)
	if err := p.Publish(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
