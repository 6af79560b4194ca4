package spool_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
	"hrbridge/publishers/spool"
)

// picky is a publisher to a broker that refuses some messages for good, as Kafka does of a topic with limits of its own.
type picky struct {
	spool.Inner
	refuse func(m bridge.Message) (bridge.Kind, bool)
	// mute says that it does not tell which messages it refuses.
	mute bool
}

func (p *picky) Publish(ctx context.Context, msgs []bridge.Message) error {
	if err := p.Ready(ctx); err != nil {
		return err
	}
	var e *bridge.Error
	for i, m := range msgs {
		if kind, refused := p.refuse(m); refused {
			if e == nil {
				e = &bridge.Error{Kind: kind, Op: "publish", Err: errors.New("refused")}
			}
			if !p.mute {
				e.Indexes = append(e.Indexes, i)
			}
		}
	}
	if e != nil {
		return e
	}
	return p.Inner.Publish(ctx, msgs)
}

func TestWhatTheBrokerRefusesForGoodLeavesTheSpoolAsADeadLetter(t *testing.T) {
	t.Parallel()
	for kind, reason := range map[bridge.Kind]bridge.Reason{
		bridge.KindTooLarge: bridge.ReasonTooLarge, bridge.KindRefused: bridge.ReasonRefused, bridge.KindInternal: bridge.ReasonRefused,
	} {
		for _, mute := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, told which %v", kind, !mute), func(t *testing.T) {
				t.Parallel()
				b := newBroker(t)
				b.stop()
				o := options(t)
				refused := func(m bridge.Message) bool { return m.ID == "a-3" || m.ID == "a-7" }
				p := open(t, &picky{b.inner(), func(m bridge.Message) (bridge.Kind, bool) { return kind, refused(m) && m.Topic != deadLetters }, mute}, o)
				all := events("a", 10)
				for i := range all {
					all[i].Delivery, all[i].Index = "0123456789abcdef", i
				}
				publish(t, p, all...)
				b.start()
				drained(t, p)
				stored := b.stored()
				if ids(stored) != ids(all) {
					t.Fatalf("the broker holds %s", ids(stored))
				}
				for i, m := range stored {
					if !refused(m) {
						if m.Topic != all[i].Topic || m.IsDeadLetter() {
							t.Errorf("%s is on %s", m.ID, m.Topic)
						}
						continue
					}
					want := map[string]string{
						bridge.HeaderReason: string(reason), bridge.HeaderTopic: all[i].Topic, bridge.HeaderDelivery: all[i].Delivery, bridge.HeaderIndex: fmt.Sprint(i),
					}
					for name, value := range want {
						if m.Header(name) != value {
							t.Errorf("%s has %s %q, want %q", m.ID, name, m.Header(name), value)
						}
					}
					if m.Topic != deadLetters || !slices.Equal(m.Value, all[i].Value) {
						t.Errorf("%s is on %s with the value %s", m.ID, m.Topic, m.Value)
					}
				}
				if n := metric(t, o, "dead_lettered_total"); n != 2 {
					t.Errorf("the metric says %v dead letters", n)
				}
			})
		}
	}
}

// On a real broker: the user may not publish to one of the topics.
func TestATopicWithoutTheRightToPublishMakesDeadLettersOfItsEventsAlone(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.restrict("job.parsing.error")
	b.stop()
	p := open(t, b.inner(func(o *nats.Options) { o.Auth = nats.Auth{User: "restricted", Password: "restricted"} }), options(t))
	all := events("a", 6)
	all[2].Topic, all[4].Topic = "job.parsing.error", "job.parsing.error"
	publish(t, p, all...)
	b.start()
	drained(t, p)
	for _, m := range b.stored() {
		if letter := m.ID == "a-2" || m.ID == "a-4"; letter != (m.Topic == deadLetters) || letter != (m.Header(bridge.HeaderReason) == string(bridge.ReasonRefused)) {
			t.Errorf("%s is on %s for the reason %q", m.ID, m.Topic, m.Header(bridge.HeaderReason))
		}
	}
	if n := len(b.stored()); n != 6 {
		t.Errorf("%d events are stored", n)
	}
}

// The spool of another topic prefix: no stream listens there, which a server cannot tell from one that is not there yet.
func TestATopicThatNobodyTakesDoesNotHoldUpTheOthersForEver(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.stop()
	p, err := spool.OpenWithHope(t.Context(), b.inner(), options(t), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer closePublisher(t, p)
	all := events("a", 6)
	all[1].Topic, all[3].Topic = "former.profile.parsing.success", "former.profile.parsing.success"
	publish(t, p, all...)
	b.start()
	drained(t, p)
	stored := b.stored()
	for _, m := range stored {
		if letter := m.ID == "a-1" || m.ID == "a-3"; letter != (m.Header(bridge.HeaderTopic) == "former.profile.parsing.success") {
			t.Errorf("%s is on %s, a dead letter for %q", m.ID, m.Topic, m.Header(bridge.HeaderReason))
		}
	}
	if len(stored) != 6 {
		t.Errorf("stored are %s", ids(stored))
	}
}

func TestABrokerThatRefusesEverythingIsWaitedForAndSaid(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	inner := b.inner()
	closed := true
	gate := make(chan struct{}, 1)
	gate <- struct{}{}
	isClosed := func() bool { <-gate; defer func() { gate <- struct{}{} }(); return closed }
	p := open(t, &locked{inner, isClosed}, options(t))
	ready(t, inner)
	publish(t, p, events("a", 5)...)
	eventually(t, func() error {
		if said := p.Degraded(context.Background()); p.Depth() != 5 || p.Ready(context.Background()) != nil || said == "" {
			return fmt.Errorf("depth %d, degraded %q", p.Depth(), said)
		}
		return nil
	})
	<-gate
	closed = false
	gate <- struct{}{}
	drained(t, p)
	b.wantStored(events("a", 5)...)
}

// locked is a publisher whose credentials are not accepted while closed says so.
type locked struct {
	spool.Inner
	closed func() bool
}

func (l *locked) Ready(ctx context.Context) error {
	if l.closed() {
		return &bridge.Error{Kind: bridge.KindRefused, Op: "connect", Err: errors.New("the server does not accept these credentials")}
	}
	return l.Inner.Ready(ctx)
}

func (l *locked) Publish(ctx context.Context, msgs []bridge.Message) error {
	if err := l.Ready(ctx); err != nil {
		return err
	}
	return l.Inner.Publish(ctx, msgs)
}

func TestWhatCannotEvenBeADeadLetterIsSetAsideAndTriedAtTheNextStart(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.stop()
	o := options(t)
	tooLarge := func(m bridge.Message) (bridge.Kind, bool) { return bridge.KindTooLarge, m.ID == "a-1" }
	p, err := spool.Open(t.Context(), &picky{b.inner(), tooLarge, false}, o)
	if err != nil {
		t.Fatal(err)
	}
	all := events("a", 3)
	publish(t, p, all...)
	b.start()
	drained(t, p)
	b.wantStored(all[0], all[2])
	closePublisher(t, p)

	p = open(t, b.inner(), o) // the operator has raised the broker's limit
	eventually(t, func() error {
		if len(b.stored()) != 3 {
			return errors.New("what was set aside is not sent")
		}
		return nil
	})
	drained(t, p)
	if last := b.stored()[2]; last.ID != "a-1" || last.Header(bridge.HeaderReason) != string(bridge.ReasonTooLarge) {
		t.Errorf("the last is %s, a dead letter for %q", last.ID, last.Header(bridge.HeaderReason))
	}
}
