package kafka_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
	"hrbridge/publishers/kafka/kafkatest"
)

// TestTopicsOnARealCluster makes topics, and follows them through a restart.
func TestTopicsOnARealCluster(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{Settings: map[string]string{"auto.create.topics.enable": "true"}})
	on := func(change func(*kafka.Topics)) kafka.Options {
		o := kafka.Defaults()
		o.Connection = connection(c)
		change(&o.Topics)
		return o
	}
	t.Run("are made as configured", func(t *testing.T) {
		openReady(t, on(func(o *kafka.Topics) {
			o.Names, o.Partitions, o.Replicas, o.MinInSync = []string{"made.all.configured"}, 3, 1, 1
			o.Retention, o.MaxMessage = time.Hour, 5<<20
		}))
		wantTopic(t, c, "made.all.configured", 3, map[string]string{
			"retention.ms": "3600000", "min.insync.replicas": "1", "max.message.bytes": "5242880",
		})
		openReady(t, on(func(o *kafka.Topics) { o.Names, o.Retention = []string{"made.by.default"}, 0 }))
		wantTopic(t, c, "made.by.default", 6, map[string]string{
			"retention.ms": "-1", "min.insync.replicas": "1", "max.message.bytes": "1048588",
		})
	})
	t.Run("stay as they are where they are there", func(t *testing.T) {
		openReady(t, on(func(o *kafka.Topics) { o.Names, o.Partitions = []string{"made.all.configured"}, 7 }))
		wantTopic(t, c, "made.all.configured", 3, map[string]string{"retention.ms": "3600000", "max.message.bytes": "5242880"})
	})
	t.Run("are made once by replicas that start at the same time", func(t *testing.T) { raceForTopics(t, on) })
	t.Run("that cannot be had are told", func(t *testing.T) {
		for words, change := range map[string]func(*kafka.Topics){
			"beside made.by.default":     func(o *kafka.Topics) { o.Names = []string{"made_by.default"} },
			"Invalid Replication Factor": func(o *kafka.Topics) { o.Names, o.Replicas = []string{"too.many.replicas"}, 3 },
			"take 1048588 bytes":         func(o *kafka.Topics) { o.Names, o.MinMessage = []string{"made.by.default"}, 2<<20 },
			"kafka.provision is off":     func(o *kafka.Topics) { o.Names, o.Provision = []string{"not.there.yet"}, false },
			"than min.insync.replicas":   func(o *kafka.Topics) { o.Names, o.MinInSync = []string{"starved.for.replicas"}, 2 },
		} {
			p := open(t, on(change))
			eventually(t, func() error {
				if err := p.Ready(t.Context()); bridge.KindOf(err) != bridge.KindRefused || !strings.Contains(err.Error(), words) {
					return fmt.Errorf("ready is %w; want a refusal that says %q", err, words)
				}
				return nil
			})
		}
	})
	t.Run("are followed through a restart", func(t *testing.T) { followThroughARestart(t, c) })
	t.Run("are read to their end, and nothing is left behind", func(t *testing.T) { leaveNothing(t, c) })
}

func wantTopic(t *testing.T, c *kafkatest.Cluster, name string, partitions int, settings map[string]string) {
	t.Helper()
	known, err := c.Admin(t).ListTopics(t.Context(), name)
	if err != nil || len(known[name].Partitions) != partitions {
		t.Errorf("%s has %d partitions, want %d (%v)", name, len(known[name].Partitions), partitions, err)
	}
	described, err := c.Admin(t).DescribeTopicConfigs(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range described[0].Configs {
		if want, asked := settings[entry.Key]; asked && entry.MaybeValue() != want {
			t.Errorf("%s has %s %s, want %s", name, entry.Key, entry.MaybeValue(), want)
		}
	}
}

func raceForTopics(t *testing.T, on func(func(*kafka.Topics)) kafka.Options) {
	names := make([]string, 10)
	for i := range names {
		names[i] = fmt.Sprintf("raced.for.n%d", i)
	}
	var racing sync.WaitGroup
	for range 16 {
		racing.Go(func() {
			p, err := kafka.Open(context.Background(), on(func(o *kafka.Topics) { o.Names, o.Partitions = names, 2 }))
			if err != nil {
				t.Error(err)
				return
			}
			defer p.Close()
			for end := time.Now().Add(2 * patience); ; time.Sleep(10 * time.Millisecond) {
				err := p.Ready(context.Background())
				if err == nil {
					return
				}
				if bridge.KindOf(err) == bridge.KindRefused || time.Now().After(end) {
					t.Errorf("ready is %v", err)
					return
				}
			}
		})
	}
	racing.Wait()
}

// produce writes with another client than ours.
func produce(t *testing.T, c *kafkatest.Cluster, topic string, ids ...string) {
	t.Helper()
	client := c.Client(t)
	for _, id := range ids {
		r := &kgo.Record{Topic: topic, Key: []byte(id), Value: []byte("{}"), Headers: []kgo.RecordHeader{{Key: "ce_id", Value: []byte(id)}}}
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func followThroughARestart(t *testing.T, c *kafkatest.Cluster) {
	if _, err := c.Admin(t).CreateTopic(t.Context(), 6, -1, nil, "followed.by.tail"); err != nil {
		t.Fatal(err)
	}
	produce(t, c, "followed.by.tail", "a", "b", "c", "d")
	f := followTail(t, kafka.TailOptions{Connection: connection(c), Reading: bridge.Reading{Topics: []string{"followed.>", "made.later.*"}, From: bridge.From{Start: true}}})
	f.wait(t, "a", "b", "c", "d")
	c.Stop(t)
	c.Start(t)
	produce(t, c, "followed.by.tail", "e", "f", "g")
	f.wait(t, "a", "b", "c", "d", "e", "f", "g")
	if _, err := c.Admin(t).CreateTopic(t.Context(), 1, -1, nil, "made.later.x"); err != nil {
		t.Fatal(err)
	}
	produce(t, c, "made.later.x", "h")
	f.wait(t, "a", "b", "c", "d", "e", "f", "g", "h")
	f.end(t)
}

func leaveNothing(t *testing.T, c *kafkatest.Cluster) {
	ctx := t.Context()
	admin := c.Admin(t)
	if _, err := admin.CreateTopics(ctx, 6, -1, nil, "ended.with.some", "ended.with.none"); err != nil {
		t.Fatal(err)
	}
	// A transaction's mark takes the last offset of a partition, and is no message.
	writer := c.Client(t, kgo.TransactionalID("t"), kgo.DefaultProduceTopic("ended.with.some"))
	if err := writer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := writer.ProduceSync(ctx, &kgo.Record{Value: []byte("{}"), Headers: []kgo.RecordHeader{{Key: "ce_id", Value: []byte("a")}}}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := writer.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, names := range [][]string{{"ended.>"}, {"nobody.made.it"}, {"__consumer_offsets", "__transaction_state"}} {
		o := kafka.TailOptions{Connection: connection(c), Reading: bridge.Reading{Topics: names, From: bridge.From{Start: true}, ToEnd: true}}
		if err := kafka.Tail(ctx, o, func(r bridge.Record) error { ids = append(ids, r.Message.ID); return nil }); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(ids, []string{"a"}) {
		t.Errorf("read %v", ids)
	}
	groups, err := admin.ListGroups(ctx)
	if err != nil || len(groups) != 0 {
		t.Errorf("groups are left behind: %v, %v", groups.Groups(), err)
	}
	known, err := admin.ListTopics(ctx)
	if err != nil || known.Has("nobody.made.it") || known.Has("not.there.yet") {
		t.Errorf("to look for a topic made it, or %v", err)
	}
}
