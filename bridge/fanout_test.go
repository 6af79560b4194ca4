package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hrbridge/bridge"
)

// published is a publisher that remembers what it was handed, or fails.
type published struct {
	mu   sync.Mutex
	err  error
	msgs []bridge.Message
	// calls is how often it was called.
	calls int
}

func (p *published) Publish(_ context.Context, msgs []bridge.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	p.msgs = append(p.msgs, msgs...)
	return p.err
}

func newFanout(t *testing.T, p bridge.Publisher, change func(*bridge.FanoutOptions)) *bridge.Fanout {
	t.Helper()
	o := bridge.DefaultFanoutOptions()
	o.Known = []string{"profile.parsing.success", "job.parsing.error", "action.stage.success"}
	if change != nil {
		change(&o)
	}
	f, err := bridge.NewFanout(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func unpacked(t *testing.T, doc string) (bridge.Delivery, []bridge.Event) {
	t.Helper()
	events, err := bridge.Unpack([]byte(doc), bridge.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return bridge.Delivery{Source: "hrflow", Signed: []byte(doc), Received: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}, events
}

func TestEveryEventGoesToTheTopicOfItsType(t *testing.T) {
	t.Parallel()
	p := new(published)
	f := newFanout(t, p, func(o *bridge.FanoutOptions) { o.TopicPrefix = "prod." })
	d, events := unpacked(t, `[{"type":"profile.parsing.success","profile":{"key":"p1"}},{"type":"job.parsing.error","job":{"key":"j1"}},7]`)
	d.Traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	receipt, err := f.Publish(t.Context(), d, events)
	if err != nil {
		t.Fatal(err)
	}
	if want := (bridge.Receipt{Delivery: receipt.Delivery, Events: 3, Published: 2, DeadLettered: 1}); receipt != want || len(receipt.Delivery) != 32 {
		t.Errorf("receipt %+v; want %+v", receipt, want)
	}
	trace := bridge.Header{Name: "traceparent", Value: d.Traceparent}
	deadLetter := []bridge.Header{
		trace, {Name: "hrbridge-reason", Value: "not_an_object"}, {Name: "hrbridge-source", Value: "hrflow"},
		{Name: "hrbridge-delivery", Value: receipt.Delivery}, {Name: "hrbridge-index", Value: "2"}, {Name: "hrbridge-first-bytes", Value: "7902699be42c8a8e"},
	}
	want := []bridge.Message{
		{Topic: "prod.profile.parsing.success", Key: "p1", Type: "profile.parsing.success", Headers: []bridge.Header{trace}},
		{Topic: "prod.job.parsing.error", Key: "j1", Type: "job.parsing.error", Headers: []bridge.Header{trace}},
		{Topic: "hrbridge.deadletter", Type: "hrbridge.deadletter", Headers: deadLetter},
	}
	seen := map[string]bool{}
	for i := range want {
		want[i].ID, want[i].Source, want[i].Time, want[i].Value = p.msgs[i].ID, "/hrflow/hrflow", d.Received, events[i].Raw
		want[i].Delivery, want[i].Index = receipt.Delivery, i
		if len(p.msgs[i].ID) != 32 || seen[p.msgs[i].ID] {
			t.Errorf("message %d has id %q; want 32 characters of its own", i, p.msgs[i].ID)
		}
		seen[p.msgs[i].ID] = true
	}
	if diff := cmp.Diff(want, p.msgs); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if p.calls != 1 {
		t.Errorf("%d calls for one delivery; want 1", p.calls)
	}
}

func TestTheSameSignedBytesGiveTheSameIDs(t *testing.T) {
	t.Parallel()
	idsOf := func(source, doc string) []string {
		p := new(published)
		d, events := unpacked(t, doc)
		d.Source, d.Received = source, time.Now()
		if _, err := newFanout(t, p, nil).Publish(t.Context(), d, events); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, m := range p.msgs {
			ids = append(ids, m.ID)
		}
		return ids
	}
	const doc = `[{"type":"profile.parsing.success"},{"type":"profile.parsing.success"}]`
	first := idsOf("hrflow", doc)
	if diff := cmp.Diff(first, idsOf("hrflow", doc)); diff != "" {
		t.Errorf("a redelivery has other ids:\n%s", diff)
	}
	// These are what replicas and consumers have stored: they must not change from one release to the next.
	if diff := cmp.Diff([]string{"34d5917d7210d9bd311df487e5e7c7bb", "ffbbfeee98ffcb63fe2f033be19623ea"}, first); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	seen := map[string]bool{first[0]: true, first[1]: true}
	for _, other := range [][]string{idsOf("other", doc), idsOf("hrflow", doc+" "), idsOf("", doc)} {
		for _, id := range other {
			if seen[id] {
				t.Errorf("id %s stands for two events", id)
			}
			seen[id] = true
		}
	}
}

func TestAnUnknownTypeIsPublishedUnlessThePolicySaysOtherwise(t *testing.T) {
	t.Parallel()
	p := new(published)
	d, events := unpacked(t, `[{"type":"profile.parsing.success"},{"type":"agent.dreaming.update"}]`)
	receipt, err := newFanout(t, p, nil).Publish(t.Context(), d, events)
	if err != nil || receipt.Published != 2 || p.msgs[1].Topic != "agent.dreaming.update" {
		t.Errorf("%+v, %v, %+v; want it on the topic of its own name", receipt, err, p.msgs)
	}

	p = new(published)
	_, err = newFanout(t, p, func(o *bridge.FanoutOptions) { o.UnknownTypes = bridge.RejectUnknown }).Publish(t.Context(), d, events)
	e := asError(t, err)
	if e.Kind != bridge.KindInvalid || !cmp.Equal(e.Indexes, []int{1}) || p.calls != 0 {
		t.Errorf("%v %v with %d calls; want invalid [1] and nothing published", e.Kind, e.Indexes, p.calls)
	}
}

func TestTheCapOnNewTypesHoldsUnderConcurrency(t *testing.T) {
	t.Parallel()
	const cap = 5
	p := new(published)
	f := newFanout(t, p, func(o *bridge.FanoutOptions) { o.MaxNewTypes = cap })
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 40 {
				d, events := unpacked(t, fmt.Sprintf(`{"type":"profile.new%d.success"}`, (i+worker*5)%40))
				if _, err := f.Publish(context.Background(), d, events); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	topics := map[string]bool{}
	for _, m := range p.msgs {
		if m.Topic != "hrbridge.deadletter" {
			topics[m.Topic] = true
		}
	}
	if len(topics) != cap {
		t.Errorf("%d new topics; want %d: %v", len(topics), cap, topics)
	}
}

func TestAPublishersErrorReachesTheCallerWithItsKind(t *testing.T) {
	t.Parallel()
	p := &published{err: &bridge.Error{Kind: bridge.KindTooLarge, Op: "publish", Indexes: []int{1}, Err: errors.New("too large")}}
	d, events := unpacked(t, `[{"type":"profile.parsing.success"},{"type":"profile.parsing.success"}]`)
	receipt, err := newFanout(t, p, nil).Publish(t.Context(), d, events)
	if e := asError(t, err); e.Kind != bridge.KindTooLarge || e.Indexes[0] != 1 || receipt != (bridge.Receipt{}) {
		t.Errorf("%+v, %v", receipt, err)
	}
}

func TestAFanoutThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*bridge.FanoutOptions){
		"a policy that does not exist":    func(o *bridge.FanoutOptions) { o.UnknownTypes = "drop" },
		"no dead-letter topic":            func(o *bridge.FanoutOptions) { o.DeadLetterTopic = "" },
		"a catalogue outside the grammar": func(o *bridge.FanoutOptions) { o.Known = []string{"profile.*"} },
	} {
		o := bridge.DefaultFanoutOptions()
		change(&o)
		if _, err := bridge.NewFanout(new(published), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAnErrorSaysOfWhichKindItIs(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	err := fmt.Errorf("outer: %w", &bridge.Error{Kind: bridge.KindFull, Op: "publish", Indexes: []int{2, 5}, Err: cause})
	if bridge.KindOf(err) != bridge.KindFull || !errors.Is(err, cause) {
		t.Errorf("kind %v, cause known: %t", bridge.KindOf(err), errors.Is(err, cause))
	}
	if want := "outer: publish: message 2 and 1 more: cause"; err.Error() != want {
		t.Errorf("%q; want %q", err.Error(), want)
	}
	if bridge.KindOf(cause) != bridge.KindInternal {
		t.Error("an error of nobody's kind is not internal")
	}
	var retryable []string
	for k := bridge.KindInternal; k <= bridge.KindRefused; k++ {
		if k.Retryable() {
			retryable = append(retryable, k.String())
		}
	}
	if got := strings.Join(retryable, " "); got != "unavailable timeout full" {
		t.Errorf("retryable: %s", got)
	}
}

func BenchmarkFanout(b *testing.B) {
	o := bridge.DefaultFanoutOptions()
	o.Known = []string{"profile.parsing.success"}
	f, err := bridge.NewFanout(discard{}, o)
	if err != nil {
		b.Fatal(err)
	}
	doc := document(20, 8<<10)
	events, err := bridge.Unpack(doc, bridge.DefaultLimits())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Publish(b.Context(), bridge.Delivery{Source: "hrflow", Signed: doc}, events); err != nil {
			b.Fatal(err)
		}
	}
}

type discard struct{}

func (discard) Publish(context.Context, []bridge.Message) error { return nil }
