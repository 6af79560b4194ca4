package kafka

import (
	"context"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/listoffsets"

	"hrbridge/bridge"
)

// What ListOffsets is asked for in the place of a time.
const (
	latest   = -1
	earliest = -2
)

// offsetsRequest is a listoffsets.Request that goes to the leader whole: kafka-go's own splits itself into a request, and a
// connection, for every partition.
type offsetsRequest listoffsets.Request

// ApiKey is that of ListOffsets.
func (*offsetsRequest) ApiKey() protocol.ApiKey { return protocol.ListOffsets } //nolint:revive,staticcheck // kafka-go's interface has the name

// Broker is the leader of the first partition; who makes the request sees that it leads the others, too.
func (r *offsetsRequest) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	return (*listoffsets.Request)(r).Broker(cluster)
}

// bounds are where to begin to read, and where the partitions end now.
func (t *tail) bounds(ctx context.Context, places []place, leaders map[place]int, from bridge.From) (starts, ends map[place]int64, err error) {
	by := make(map[int][]place)
	for _, p := range places {
		by[leaders[p]] = append(by[leaders[p]], p)
	}
	starts, ends = make(map[place]int64), make(map[place]int64)
	for leader, places := range by {
		at := int64(latest)
		switch {
		case from.Start:
			at = earliest
		case !from.Since.IsZero():
			at = from.Since.UnixMilli()
		}
		if at != latest {
			if err := t.list(ctx, leader, places, at, starts); err != nil {
				return nil, nil, err
			}
		}
		if err := t.list(ctx, leader, places, latest, ends); err != nil {
			return nil, nil, err
		}
		for _, p := range places { // of a time after the last record there is no offset
			if offset, known := starts[p]; !known || offset < 0 {
				starts[p] = ends[p]
			}
		}
	}
	return starts, ends, nil
}

// list asks the leader for the partitions' offsets at a time.
func (t *tail) list(ctx context.Context, leader int, places []place, at int64, offsets map[place]int64) error {
	request := &offsetsRequest{ReplicaID: -1}
	for _, p := range places {
		request.Topics = append(request.Topics, listoffsets.RequestTopic{
			Topic: p.topic, Partitions: []listoffsets.RequestPartition{{Partition: int32(p.index), CurrentLeaderEpoch: -1, Timestamp: at}},
		})
	}
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	answer, err := t.transport.RoundTrip(ctx, t.client.Addr, request)
	if err != nil {
		return fmt.Errorf("ask broker %d for offsets: %w", leader, err)
	}
	listed, ok := answer.(*listoffsets.Response)
	if !ok {
		return fmt.Errorf("ask broker %d for offsets: the answer is not one", leader)
	}
	for _, topic := range listed.Topics {
		for _, p := range topic.Partitions {
			code := kafkago.Error(p.ErrorCode)
			if code == kafkago.TopicAuthorizationFailed {
				return mayNotRead(topic.Topic)
			}
			if code != 0 {
				return fmt.Errorf("ask for the offsets of partition %d of topic %s: %w", p.Partition, topic.Topic, code)
			}
			offsets[place{topic.Topic, int(p.Partition)}] = p.Offset
		}
	}
	for _, p := range places {
		if _, answered := offsets[p]; !answered {
			return fmt.Errorf("broker %d says nothing of partition %d of topic %s", leader, p.index, p.topic)
		}
	}
	return nil
}

// catchUp moves a cursor to what the leader still has: the records there are gone by their age, or with a leader that died.
func (t *tail) catchUp(ctx context.Context, leader int, c *cursor) error {
	first, last := make(map[place]int64), make(map[place]int64)
	places := []place{c.place}
	if err := t.list(ctx, leader, places, earliest, first); err != nil {
		return err
	}
	if err := t.list(ctx, leader, places, latest, last); err != nil {
		return err
	}
	c.next = min(max(c.next, first[c.place]), last[c.place])
	if c.end > last[c.place] {
		c.end = last[c.place]
	}
	return nil
}

func mayNotRead(topic string) *bridge.Error {
	return &bridge.Error{Kind: bridge.KindRefused, Op: opTail, Err: fmt.Errorf("the user may not read the topic %s: grant READ on it, or name the topics to follow", topic)}
}
