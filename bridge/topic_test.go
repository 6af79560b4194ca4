package bridge_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"hrbridge/bridge"
)

func TestAStreamListensOnEveryTopicThereCanBe(t *testing.T) {
	t.Parallel()
	five := func(prefix string) []string {
		return []string{prefix + "profile.*.*", prefix + "job.*.*", prefix + "action.*.*", prefix + "agent.*.*", prefix + "filter.*.*"}
	}
	for name, row := range map[string]struct {
		sources map[string]string
		want    []string
	}{
		"no source has a prefix of its own": {map[string]string{"a": "", "b": ""}, five("prod.")},
		"no source is known":                {nil, five("prod.")},
		"one has":                           {map[string]string{"a": "", "prove": "prove."}, append(five("prod."), five("prod.prove.")...)},
		"two have the same":                 {map[string]string{"a": "x.", "b": "x."}, five("prod.x.")},
	} {
		o := bridge.FanoutOptions{TopicPrefix: "prod.", DeadLetterTopic: "dead", SourcePrefixes: row.sources}
		if diff := cmp.Diff(append(row.want, "dead"), o.StreamSubjects()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestTheTopicsAreThoseOfTheCatalogueForEverySource(t *testing.T) {
	t.Parallel()
	o := bridge.FanoutOptions{
		TopicPrefix: "prod.", DeadLetterTopic: "dead", SourcePrefixes: map[string]string{"a": "", "prove": "prove."},
		Known: []string{"profile.parsing.success", "job.parsing.error"},
	}
	want := []string{
		"prod.profile.parsing.success", "prod.job.parsing.error", "prod.prove.profile.parsing.success", "prod.prove.job.parsing.error", "dead",
	}
	if diff := cmp.Diff(want, o.Topics()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestASourceHasTopicsOfItsOwn(t *testing.T) {
	t.Parallel()
	p := new(published)
	f := newFanout(t, p, func(o *bridge.FanoutOptions) {
		o.TopicPrefix, o.SourcePrefixes = "prod.", map[string]string{"prove": "prove.", "hrflow": ""}
	})
	for _, source := range []string{"hrflow", "prove"} {
		d, events := unpacked(t, `[{"type":"profile.parsing.success"},{"type":"profile.dreaming.success"},{}]`)
		d.Source = source
		if _, err := f.Publish(t.Context(), d, events); err != nil {
			t.Fatal(err)
		}
	}
	var topics []string
	for _, m := range p.msgs {
		topics = append(topics, m.Topic)
	}
	want := []string{
		"prod.profile.parsing.success", "prod.profile.dreaming.success", "hrbridge.deadletter",
		"prod.prove.profile.parsing.success", "prod.prove.profile.dreaming.success", "hrbridge.deadletter",
	}
	if diff := cmp.Diff(want, topics); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
