package kafkatest

import (
	"cmp"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"hrbridge/bridge"
)

// Records are all that these topics hold now, or all topics where none is named, as a plain consumer gets them: by topic,
// partition and offset. Topics that do not exist hold nothing.
func (c *Cluster) Records(t testing.TB, topics ...string) []*kgo.Record {
	t.Helper()
	records, err := c.records(topics)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func (c *Cluster) records(topics []string) ([]*kgo.Record, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client, err := c.client(c.running())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	from, to, err := bounds(ctx, kadm.NewClient(client), topics)
	if err != nil || len(from) == 0 {
		return nil, err
	}
	reader, err := c.client(c.running(), kgo.ConsumePartitions(from), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var all []*kgo.Record
	for len(to) > 0 {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if end, waited := to[place{r.Topic, r.Partition}]; waited && r.Offset < end {
				all = append(all, r)
			}
			if r.Offset+1 >= to[place{r.Topic, r.Partition}] {
				delete(to, place{r.Topic, r.Partition})
			}
		})
	}
	slices.SortFunc(all, func(a, b *kgo.Record) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return all, nil
}

// place is a partition of a topic.
type place struct {
	topic     string
	partition int32
}

// bounds are where to begin to read each partition that holds something, and where it ends.
func bounds(ctx context.Context, admin *kadm.Client, topics []string) (from map[string]map[int32]kgo.Offset, to map[place]int64, err error) {
	known, err := admin.ListTopics(ctx, topics...)
	if err != nil {
		return nil, nil, err
	}
	var existing []string
	for _, topic := range known {
		if topic.Err == nil && !topic.IsInternal {
			existing = append(existing, topic.Topic)
		}
	}
	if len(existing) == 0 {
		return nil, nil, nil
	}
	starts, err := admin.ListStartOffsets(ctx, existing...)
	if err != nil {
		return nil, nil, err
	}
	ends, err := admin.ListEndOffsets(ctx, existing...)
	if err != nil {
		return nil, nil, err
	}
	if err := ends.Error(); err != nil {
		return nil, nil, err
	}
	from, to = make(map[string]map[int32]kgo.Offset), make(map[place]int64)
	ends.Each(func(end kadm.ListedOffset) {
		start, _ := starts.Lookup(end.Topic, end.Partition)
		if start.Offset >= end.Offset {
			return
		}
		if from[end.Topic] == nil {
			from[end.Topic] = make(map[int32]kgo.Offset)
		}
		from[end.Topic][end.Partition] = kgo.NewOffset().At(start.Offset)
		to[place{end.Topic, end.Partition}] = end.Offset
	})
	return from, to, nil
}

// ReadAll are the records as messages, which it takes by the names that the documentation has for subscribers.
func (c *Cluster) ReadAll(t testing.TB, topics ...string) []bridge.Message {
	t.Helper()
	var all []bridge.Message
	for _, r := range c.Records(t, topics...) {
		all = append(all, message(t, r))
	}
	return all
}

func message(t testing.TB, r *kgo.Record) bridge.Message {
	t.Helper()
	headers := make(map[string]string)
	m := bridge.Message{Topic: r.Topic, Key: string(r.Key), Value: r.Value}
	for _, h := range r.Headers {
		if _, twice := headers[h.Key]; twice {
			t.Errorf("header %s is there twice", h.Key)
		}
		headers[h.Key] = string(h.Value)
		if slices.Contains([]string{bridge.HeaderReason, bridge.HeaderType, bridge.HeaderTraceparent}, h.Key) {
			m.Headers = append(m.Headers, bridge.Header{Name: h.Key, Value: string(h.Value)})
		}
	}
	if headers["ce_specversion"] != "1.0" || headers["content-type"] != "application/json" {
		t.Errorf("headers ce_specversion %q and content-type %q", headers["ce_specversion"], headers["content-type"])
	}
	if headers["ce_subject"] != m.Key {
		t.Errorf("header ce_subject is %q, and the record's key %q", headers["ce_subject"], m.Key)
	}
	at, err := time.Parse(time.RFC3339Nano, headers["ce_time"])
	if err != nil {
		t.Error(err)
	}
	m.ID, m.Source, m.Type, m.Time = headers["ce_id"], headers["ce_source"], headers["ce_type"], at
	return m
}
