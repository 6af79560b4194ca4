package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"

	"hrbridge/bridge"
)

const (
	// A leader without anything new answers after this.
	fetchWait = 500 * time.Millisecond
	// An answer holds so much at most, and of one partition its share of it, within bounds. A batch that is larger comes whole
	// when its partition is the first that was asked for.
	fetchBytes       = 32 << 20
	mostOfPartBytes  = 1 << 20
	leastOfPartBytes = 64 << 10
)

// read hands on what the leader has for the cursors, over one connection, until all are done or something is not as it was.
func (t *tail) read(ctx context.Context, leader int, cursors []*cursor) error {
	for first := 0; ; first++ {
		request, asked := fetchRequest(cursors, first)
		if len(asked) == 0 {
			return nil
		}
		asking, cancel := context.WithTimeout(ctx, t.patience)
		answer, err := t.transport.RoundTrip(asking, t.client.Addr, request)
		cancel()
		if err != nil {
			return fmt.Errorf("read from broker %d: %w", leader, err)
		}
		fetched, ok := answer.(*fetch.Response)
		switch {
		case !ok:
			return fmt.Errorf("read from broker %d: the answer is not one", leader)
		case fetched.ErrorCode != 0:
			return fmt.Errorf("read from broker %d: %w", leader, kafkago.Error(fetched.ErrorCode))
		}
		for _, topic := range fetched.Topics {
			for i := range topic.Partitions {
				c := asked[place{topic.Topic, int(topic.Partitions[i].Partition)}]
				if c == nil {
					continue
				}
				if err := t.take(ctx, leader, c, &topic.Partitions[i]); err != nil {
					return err
				}
			}
		}
		if t.over() {
			return errOver
		}
	}
}

// fetchRequest asks for what comes next at every cursor that is not done, another one first every time, and says which.
func fetchRequest(cursors []*cursor, first int) (*fetch.Request, map[place]*cursor) {
	asked := make(map[place]*cursor, len(cursors))
	request := &fetch.Request{
		ReplicaID: -1, MaxWaitTime: int32(fetchWait.Milliseconds()), MinBytes: 1, MaxBytes: fetchBytes, SessionEpoch: -1,
	}
	share := int32(max(leastOfPartBytes, min(mostOfPartBytes, fetchBytes/len(cursors))))
	for i := range cursors {
		c := cursors[(first+i)%len(cursors)]
		if c.done() {
			continue
		}
		asked[c.place] = c
		part := fetch.RequestPartition{
			Partition: int32(c.index), CurrentLeaderEpoch: -1, FetchOffset: c.next, LogStartOffset: -1, PartitionMaxBytes: share,
		}
		if n := len(request.Topics); n > 0 && request.Topics[n-1].Topic == c.topic {
			request.Topics[n-1].Partitions = append(request.Topics[n-1].Partitions, part)
			continue
		}
		request.Topics = append(request.Topics, fetch.RequestTopic{Topic: c.topic, Partitions: []fetch.RequestPartition{part}})
	}
	return request, asked
}

// take hands on what came of one partition.
func (t *tail) take(ctx context.Context, leader int, c *cursor, got *fetch.ResponsePartition) error {
	switch code := kafkago.Error(got.ErrorCode); code {
	case 0:
	case kafkago.OffsetOutOfRange: // what was to be read is gone
		return t.catchUp(ctx, leader, c)
	case kafkago.TopicAuthorizationFailed:
		return mayNotRead(c.topic)
	default:
		return fmt.Errorf("read partition %d of topic %s: %w", c.index, c.topic, code)
	}
	before := c.next
	batches, err := t.drain(c, got.RecordSet.Records)
	if err != nil {
		return fmt.Errorf("read partition %d of topic %s at offset %d: %w", c.index, c.topic, c.next, err)
	}
	if batches > 0 && c.next == before && c.next < got.HighWatermark {
		c.next++ // the batch that holds this offset was compacted, and the record is gone from it
	}
	return nil
}

// drain hands on the records and counts the batches that they came in.
func (t *tail) drain(c *cursor, records protocol.RecordReader) (batches int, err error) {
	var all []protocol.RecordReader
	switch r := records.(type) {
	case nil:
	case *protocol.RecordStream:
		all = r.Records
	default:
		all = []protocol.RecordReader{r}
	}
	for _, batch := range all {
		_, control := batch.(*protocol.ControlBatch) // the marks of transactions take offsets, and are nobody's messages
		for {
			r, err := batch.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return len(all), err
			}
			if !t.pass(c, r, control) {
				return len(all), nil
			}
		}
	}
	return len(all), nil
}

// pass hands a record on where it is one to be read, and tells whether to go on.
func (t *tail) pass(c *cursor, r *protocol.Record, control bool) bool {
	key, value := bytesOf(r.Key), bytesOf(r.Value)
	if r.Offset < c.next {
		return true // a batch comes from its beginning
	}
	if c.end >= 0 && r.Offset >= c.end {
		c.next = c.end
		return false
	}
	c.next = r.Offset + 1
	if control {
		return true
	}
	return t.hand(bridge.Record{
		Message: message(c.topic, key, value, r.Headers), Partition: c.index, Sequence: uint64(r.Offset), Stored: r.Time,
	})
}

// bytesOf copies what is in memory that kafka-go uses again.
func bytesOf(b protocol.Bytes) []byte {
	if b == nil {
		return nil
	}
	defer b.Close()
	all, _ := protocol.ReadAll(b)
	return all
}
