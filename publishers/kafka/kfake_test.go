package kafka_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
)

// patience is how long the tests wait for what has to come.
const patience = 30 * time.Second

// fake is a cluster in this process, and the network before it.
type fake struct {
	*kfake.Cluster
	net *network
}

// startFake starts one with these topics, of 4 partitions each.
func startFake(t testing.TB, brokers int, topics []string, options ...kfake.Opt) *fake {
	t.Helper()
	n := &network{conns: make(map[*conn]bool)}
	options = append([]kfake.Opt{kfake.NumBrokers(brokers), kfake.ListenFn(n.listen)}, options...)
	if len(topics) > 0 {
		options = append(options, kfake.SeedTopics(4, topics...))
	}
	c, err := kfake.NewCluster(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); n.set(refusing) })
	return &fake{c, n}
}

// publisherOptions are a publisher's to the cluster. The topics are there.
func (f *fake) publisherOptions(topics []string, change ...func(*kafka.Options)) kafka.Options {
	return optionsFor(f.ListenAddrs(), topics, change...)
}

func optionsFor(brokers, topics []string, change ...func(*kafka.Options)) kafka.Options {
	o := kafka.Defaults()
	o.Brokers, o.Topics.Names = brokers, topics
	for _, c := range change {
		c(&o)
	}
	return o
}

func open(t testing.TB, o kafka.Options) *kafka.Publisher {
	t.Helper()
	p, err := kafka.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return p
}

func openReady(t testing.TB, o kafka.Options) *kafka.Publisher {
	t.Helper()
	p := open(t, o)
	eventually(t, func() error { return p.Ready(context.Background()) })
	return p
}

func eventually(t testing.TB, check func() error) {
	t.Helper()
	end := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after %v: %v", patience, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// read returns all records of topics as an independent client sees them, those of a partition in their order.
func read(t testing.TB, brokers []string, topics ...string) []*kgo.Record {
	t.Helper()
	return readFrom(t, nil, brokers, topics...)
}

// readFrom is read of what came after the offsets.
func readFrom(t testing.TB, starts map[partition]int64, brokers []string, topics ...string) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ends := offsets(t, brokers, topics...)
	from := make(map[string]map[int32]kgo.Offset)
	for at, end := range ends {
		if starts[at] == end {
			delete(ends, at)
			continue
		}
		if from[at.topic] == nil {
			from[at.topic] = make(map[int32]kgo.Offset)
		}
		from[at.topic][at.index] = kgo.NewOffset().At(starts[at])
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumePartitions(from), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var all []*kgo.Record
	for len(ends) > 0 {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			t.Fatalf("reading back %v: %d partitions have not come to their end: %v", topics, len(ends), err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			all = append(all, r)
			at := partition{r.Topic, r.Partition}
			if r.Offset+1 >= ends[at] {
				delete(ends, at)
			}
		})
	}
	return all
}

// offsets are the ends of those partitions that hold something.
func offsets(t testing.TB, brokers []string, topics ...string) map[partition]int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	question := kmsg.NewPtrMetadataRequest()
	for _, topic := range topics {
		one := kmsg.NewMetadataRequestTopic()
		one.Topic = new(topic)
		question.Topics = append(question.Topics, one)
	}
	layout, err := question.RequestWith(ctx, client)
	if err != nil {
		t.Fatal(err)
	}
	list := kmsg.NewPtrListOffsetsRequest()
	list.ReplicaID = -1
	for _, known := range layout.Topics {
		one := kmsg.NewListOffsetsRequestTopic()
		one.Topic = *known.Topic
		for _, p := range known.Partitions {
			part := kmsg.NewListOffsetsRequestTopicPartition()
			part.Partition, part.Timestamp = p.Partition, -1
			one.Partitions = append(one.Partitions, part)
		}
		list.Topics = append(list.Topics, one)
	}
	ends := make(map[partition]int64)
	for _, shard := range client.RequestSharded(ctx, list) {
		if shard.Err != nil {
			t.Fatal(shard.Err)
		}
		for _, topic := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range topic.Partitions {
				if p.ErrorCode != 0 {
					t.Fatalf("end of %s %d: code %d", topic.Topic, p.Partition, p.ErrorCode)
				}
				if p.Offset > 0 {
					ends[partition{topic.Topic, p.Partition}] = p.Offset
				}
			}
		}
	}
	return ends
}

// configure changes a topic's setting.
func (f *fake) configure(t testing.TB, topic, name, value string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(f.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	answers, err := kadm.NewClient(client).AlterTopicConfigs(context.Background(), []kadm.AlterConfig{{Name: name, Value: &value}}, topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		if a.Err != nil {
			t.Fatal(a.Err)
		}
	}
}

// messages are what publishers put there, from the names in the documentation.
func messages(t testing.TB, records []*kgo.Record) []bridge.Message {
	t.Helper()
	all := make([]bridge.Message, len(records))
	for i, r := range records {
		all[i] = fromWire(t, r)
	}
	return all
}

func fromWire(t testing.TB, r *kgo.Record) bridge.Message {
	t.Helper()
	m := bridge.Message{Topic: r.Topic, Key: string(r.Key), Value: r.Value}
	if r.Key != nil && len(r.Key) == 0 {
		t.Errorf("%s has a key that is empty rather than none", r.Topic)
	}
	subject := ""
	for _, h := range r.Headers {
		text := string(h.Value)
		switch h.Key {
		case "ce_specversion":
			if text != "1.0" {
				t.Errorf("%s is %q", h.Key, text)
			}
		case "content-type":
			if text != "application/json" {
				t.Errorf("%s is %q", h.Key, text)
			}
		case "ce_id":
			m.ID = text
		case "ce_source":
			m.Source = text
		case "ce_type":
			m.Type = text
		case "ce_subject":
			subject = text
		case "ce_time":
			at, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				t.Error(err)
			}
			m.Time = at
			if !at.IsZero() && r.Timestamp.UnixMilli() != at.UnixMilli() {
				t.Errorf("the record's time is %v and the event's %v", r.Timestamp, at)
			}
		default:
			m.Headers = append(m.Headers, bridge.Header{Name: h.Key, Value: text})
		}
	}
	if subject != m.Key {
		t.Errorf("the subject is %q and the key %q", subject, m.Key)
	}
	return m
}

type partition struct {
	topic string
	index int32
}

func idsOf(records []*kgo.Record) []string {
	var ids []string
	for _, r := range records {
		for _, h := range r.Headers {
			if h.Key == "ce_id" {
				ids = append(ids, string(h.Value))
			}
		}
	}
	slices.Sort(ids)
	return ids
}
