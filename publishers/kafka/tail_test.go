package kafka_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
)

// tailed is a cluster in this process, and what is written to it by another client than ours.
type tailed struct {
	*kfake.Cluster
	t      testing.TB
	client *kgo.Client
}

func newTailed(t testing.TB, options ...kfake.Opt) *tailed {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(3), kfake.SeedTopics(6, "profile.parsing.success", "job.parsing.error")}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &tailed{Cluster: c, t: t, client: client}
}

// write stores a record a name, the name its id.
func (c *tailed) write(topic string, partition int, names ...string) {
	c.t.Helper()
	var records []*kgo.Record
	for _, name := range names {
		records = append(records, &kgo.Record{
			Topic: topic, Partition: int32(partition), Key: []byte("key"), Value: []byte("{}"),
			Headers: []kgo.RecordHeader{{Key: "ce_id", Value: []byte(name)}, {Key: "ce_type", Value: []byte(topic)}},
		})
	}
	if err := c.client.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *tailed) options(reading bridge.Reading) kafka.TailOptions {
	return kafka.TailOptions{Connection: kafka.Connection{
		Brokers: c.ListenAddrs(), ClientID: "tail", DialTimeout: 5 * time.Second, SASL: kafka.SASL{Mechanism: kafka.SASLNone},
	}, Reading: reading}
}

// all is what there is, to the end.
func (c *tailed) all(topics ...string) []string {
	c.t.Helper()
	var ids []string
	err := kafka.Tail(context.Background(), c.options(bridge.Reading{Topics: topics, From: bridge.From{Start: true}, ToEnd: true}), func(r bridge.Record) error {
		ids = append(ids, r.Message.ID)
		return nil
	})
	if err != nil {
		c.t.Error(err)
	}
	slices.Sort(ids)
	return ids
}

// tailer is a Tail that runs beside the test.
type tailer struct {
	cancel context.CancelFunc
	done   chan error

	mu      sync.Mutex
	records []bridge.Record
}

func (c *tailed) follow(reading bridge.Reading) *tailer { return followTail(c.t, c.options(reading)) }

func followTail(t testing.TB, o kafka.TailOptions) *tailer {
	ctx, cancel := context.WithCancel(context.Background())
	f := &tailer{cancel: cancel, done: make(chan error, 1)}
	go func() {
		f.done <- kafka.Tail(ctx, o, func(r bridge.Record) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.records = append(f.records, r)
			return nil
		})
	}()
	t.Cleanup(cancel)
	return f
}

func (f *tailer) ids() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for _, r := range f.records {
		ids = append(ids, r.Message.ID)
	}
	slices.Sort(ids)
	return ids
}

// wait waits until exactly these have come, in any order.
func (f *tailer) wait(t testing.TB, want ...string) {
	t.Helper()
	slices.Sort(want)
	deadline := time.Now().Add(30 * time.Second)
	for !slices.Equal(f.ids(), want) {
		select {
		case err := <-f.done:
			t.Fatalf("it ended with %v after %v", err, f.ids())
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %v, want %v", f.ids(), want)
		}
	}
}

// end ends the tail and checks that it ended well.
func (f *tailer) end(t testing.TB) {
	t.Helper()
	f.cancel()
	if err := <-f.done; err != nil {
		t.Errorf("the end of the context is an error: %v", err)
	}
}

// reads waits until somebody asks the cluster for records.
func (c *tailed) reads() {
	c.t.Helper()
	asked := make(chan struct{}, 1)
	c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		select {
		case asked <- struct{}{}:
		default:
		}
		return nil, nil, false
	})
	select {
	case <-asked:
	case <-time.After(30 * time.Second):
		c.t.Fatal("nobody reads")
	}
}

// A broker that was just told to lead partitions says for seconds that it does not.
func TestTailWaitsAtFirstForLeadersThatAreNotThereYet(t *testing.T) {
	t.Parallel()
	c := newTailed(t)
	c.write("profile.parsing.success", 0, "a", "b")
	var refused atomic.Int64
	c.ControlKey(int16(kmsg.ListOffsets), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if refused.Add(1) > 3 {
			return nil, nil, false
		}
		c.KeepControl()
		request := r.(*kmsg.ListOffsetsRequest)
		answer := request.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, topic := range request.Topics {
			said := kmsg.ListOffsetsResponseTopic{Topic: topic.Topic}
			for _, p := range topic.Partitions {
				said.Partitions = append(said.Partitions, kmsg.ListOffsetsResponseTopicPartition{Partition: p.Partition, ErrorCode: kerr.NotLeaderForPartition.Code})
			}
			answer.Topics = append(answer.Topics, said)
		}
		return answer, nil, true
	})
	if ids := c.all("profile.>"); !slices.Equal(ids, []string{"a", "b"}) || refused.Load() < 4 {
		t.Errorf("read %v after %d questions", ids, refused.Load())
	}
}

func TestTailReadsToTheEnd(t *testing.T) {
	t.Parallel()
	c := newTailed(t, kfake.AllowAutoTopicCreation(), kfake.SeedTopics(3, "hrbridge.deadletter", "empty.topic.x", "__internal"))
	if ids := c.all(); ids != nil {
		t.Errorf("empty topics hold %v", ids)
	}
	c.write("profile.parsing.success", 0, "a", "b")
	c.write("profile.parsing.success", 5, "c")
	c.write("job.parsing.error", 2, "d")
	c.write("hrbridge.deadletter", 1, "e")
	c.write("__internal", 1, "hidden")
	for _, row := range []struct {
		topics []string
		want   string
	}{
		{nil, "a b c d e"},
		{[]string{"profile.parsing.success"}, "a b c"},
		{[]string{"profile.>"}, "a b c"},
		{[]string{"*.parsing.*", "hrbridge.deadletter"}, "a b c d e"},
		{[]string{"hrbridge.deadletter"}, "e"},
		{[]string{"empty.>"}, ""},
		{[]string{"nobody.knows.it"}, ""},
		{[]string{"profile", "parsing.>", "profile.*", "profile.parsing.success.>"}, ""},
	} {
		if got := strings.Join(c.all(row.topics...), " "); got != row.want {
			t.Errorf("%v: read %q, want %q", row.topics, got, row.want)
		}
	}
	for _, name := range []string{"nobody.knows.it", "profile"} {
		if c.TopicInfo(name) != nil {
			t.Errorf("to ask for %s has made it", name)
		}
	}
}

func TestTailHandsOnWhatTheRecordsHold(t *testing.T) {
	t.Parallel()
	c := newTailed(t)
	c.write("profile.parsing.success", 4, "zero", "one")
	var got []bridge.Record
	err := kafka.Tail(t.Context(), c.options(bridge.Reading{From: bridge.From{Start: true}, ToEnd: true}), func(r bridge.Record) error {
		got = append(got, r)
		return nil
	})
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	for i, r := range got {
		m := r.Message
		if r.Partition != 4 || r.Sequence != uint64(i) || time.Since(r.Stored).Abs() > time.Minute || m.Topic != "profile.parsing.success" ||
			m.ID != []string{"zero", "one"}[i] || m.Key != "key" || string(m.Value) != "{}" {
			t.Errorf("record %d is %+v", i, r)
		}
	}
}

func TestTailReadsWhatIsLargeAndCompressed(t *testing.T) {
	t.Parallel()
	c := newTailed(t)
	random := rand.NewChaCha8([32]byte{1})
	want := make(map[string]string)
	for i, codec := range []kgo.CompressionCodec{
		kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(),
	} {
		writer, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec))
		if err != nil {
			t.Fatal(err)
		}
		for j := range 2 {
			raw := make([]byte, 450<<10) // two of them in hex are more than a partition's share of an answer
			_, _ = random.Read(raw)
			id := fmt.Sprint(i, j)
			want[id] = hex.EncodeToString(raw)
			r := &kgo.Record{Topic: "job.parsing.error", Partition: int32(i), Value: []byte(want[id]), Headers: []kgo.RecordHeader{{Key: "ce_id", Value: []byte(id)}}}
			if err := writer.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		writer.Close()
	}
	err := kafka.Tail(t.Context(), c.options(bridge.Reading{From: bridge.From{Start: true}, ToEnd: true}), func(r bridge.Record) error {
		if want[r.Message.ID] != string(r.Message.Value) {
			t.Errorf("record %s is another, or comes again", r.Message.ID)
		}
		delete(want, r.Message.ID)
		return nil
	})
	if err != nil || len(want) > 0 {
		t.Errorf("%d records are missing: %v", len(want), err)
	}
}

func TestTailBeginsWhereItIsTold(t *testing.T) {
	t.Parallel()
	now := bridge.From{}
	for name, row := range map[string]struct {
		from   func(between time.Time) bridge.From
		topics []string
		want   []string
	}{
		"now":              {func(time.Time) bridge.From { return now }, nil, []string{"coming", "coming-job"}},
		"start":            {func(time.Time) bridge.From { return bridge.From{Start: true} }, nil, []string{"old", "old-job", "new", "coming", "coming-job"}},
		"since":            {func(at time.Time) bridge.From { return bridge.From{Since: at} }, nil, []string{"new", "coming", "coming-job"}},
		"start, one topic": {func(time.Time) bridge.From { return bridge.From{Start: true} }, []string{"job.>"}, []string{"old-job", "coming-job"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTailed(t)
			c.write("profile.parsing.success", 0, "old")
			c.write("job.parsing.error", 3, "old-job")
			time.Sleep(20 * time.Millisecond)
			between := time.Now()
			time.Sleep(20 * time.Millisecond)
			c.write("profile.parsing.success", 0, "new")
			f := c.follow(bridge.Reading{Topics: row.topics, From: row.from(between)})
			c.reads()
			c.write("profile.parsing.success", 0, "coming")
			c.write("job.parsing.error", 2, "coming-job")
			f.wait(t, row.want...)
			f.end(t)
		})
	}
}

func TestTailFindsNewTopics(t *testing.T) {
	t.Parallel()
	c := newTailed(t)
	f := c.follow(bridge.Reading{Topics: []string{"profile.>"}})
	c.reads()
	for _, topic := range []string{"profile.new.type", "job.new.type"} {
		if err := c.CreateTopic(topic, 2, nil); err != nil {
			t.Fatal(err)
		}
		c.write(topic, 1, topic)
	}
	f.wait(t, "profile.new.type")
	f.end(t)
}

func TestTailFollowsALeaderThatMoves(t *testing.T) {
	t.Parallel()
	c := newTailed(t)
	f := c.follow(bridge.Reading{From: bridge.From{Start: true}})
	var want []string
	for i := range 6 {
		name := fmt.Sprint("n", i)
		c.write("profile.parsing.success", i%2, name)
		want = append(want, name)
		f.wait(t, want...)
		c.ShufflePartitionLeaders()
	}
	f.end(t)
}

func TestTailGoesOnAfterTheRecordsThatAreGone(t *testing.T) {
	t.Parallel()
	c := newTailed(t)
	c.write("profile.parsing.success", 0, "a", "b", "c", "d")
	if err := c.DeleteRecords("profile.parsing.success", 0, 2); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.all(), " "); got != "c d" {
		t.Errorf("read %q", got)
	}
}

func TestTailEndsWithTheErrorOfItsCallback(t *testing.T) {
	t.Parallel()
	c := newTailed(t)
	c.write("profile.parsing.success", 0, "a", "b", "c")
	c.write("job.parsing.error", 1, "d", "e", "f")
	enough, calls := errors.New("enough"), 0
	err := kafka.Tail(t.Context(), c.options(bridge.Reading{From: bridge.From{Start: true}}), func(bridge.Record) error {
		calls++
		if calls == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || calls != 2 {
		t.Errorf("it ended with %v after %d records", err, calls)
	}
}

func TestTailDoesNotWaitForAClusterThatIsAway(t *testing.T) {
	t.Parallel()
	c := newTailed(t)
	o := c.options(bridge.Reading{})
	o.Brokers = []string{"127.0.0.1:1"}
	err := kafka.Tail(t.Context(), o, func(bridge.Record) error { return nil })
	if bridge.KindOf(err) != bridge.KindUnavailable {
		t.Errorf("got %v", err)
	}
}
