package kafka

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	kafkago "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"hrbridge/bridge"
)

// sample are messages of many shapes: their values compress well, badly and not at all.
func sample() []bridge.Message {
	chance := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 70_000)
	for i := range noise {
		noise[i] = byte(chance.Uint32())
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	var msgs []bridge.Message
	for i, value := range [][]byte{[]byte(`{"a":1}`), {}, bytes.Repeat([]byte("Ada Example "), 9_000), noise, {0}} {
		m := bridge.Message{
			ID: "id", Topic: "t", Key: "Zoë", Source: "/hrflow/s", Type: "t", Time: at.Add(time.Duration(i-1) * time.Hour), Value: value,
			Headers: []bridge.Header{{Name: "hrbridge-reason", Value: "bad_type"}, {Name: "empty", Value: ""}},
		}
		if i == 1 {
			m.Key, m.Headers = "", nil
		}
		msgs = append(msgs, m)
	}
	return msgs
}

// decode reads a frame as an independent client does.
func decode(t testing.TB, f *frame) (kmsg.RecordBatch, []*kgo.Record) {
	t.Helper()
	if n := int(binary.BigEndian.Uint32(f.bytes)); n != len(f.bytes)-4 {
		t.Fatalf("the length before the batch is %d; want %d", n, len(f.bytes)-4)
	}
	raw := f.bytes[4:]
	var b kmsg.RecordBatch
	if err := b.ReadFrom(raw); err != nil {
		t.Fatal(err)
	}
	if want := int32(crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli))); b.CRC != want {
		t.Errorf("the checksum is %d; want %d", b.CRC, want)
	}
	if b.FirstOffset != 0 || int(b.Length) != len(raw)-12 || b.Magic != 2 || b.LastOffsetDelta != b.NumRecords-1 {
		t.Errorf("the batch is %+v", b)
	}
	part := &kmsg.FetchResponseTopicPartition{RecordBatches: raw, HighWatermark: math.MaxInt32, LastStableOffset: -1}
	fetched, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Topic: "t"}, part, kgo.DefaultDecompressor(), nil)
	if fetched.Err != nil {
		t.Fatal(fetched.Err)
	}
	return b, fetched.Records
}

func TestABatchIsReadByAnIndependentClient(t *testing.T) {
	t.Parallel()
	for code, compression := range []Compression{CompressNone, CompressGzip, CompressSnappy, CompressLZ4, CompressZstd} {
		t.Run(string(compression), func(t *testing.T) {
			t.Parallel()
			f := newFrame()
			for range 2 { // a frame is used again
				msgs := sample()
				if err := f.encode(msgs, []int{0, 1, 2, 3, 4}, compression.codec()); err != nil {
					t.Fatal(err)
				}
				f.stamp(identity{producer: 1 << 40, epoch: 7, sequence: 99})
				batch, records := decode(t, f)
				if int(batch.Attributes) != code || batch.ProducerID != 1<<40 || batch.ProducerEpoch != 7 || batch.FirstSequence != 99 {
					t.Errorf("the batch is %+v", batch)
				}
				if batch.FirstTimestamp != msgs[0].Time.UnixMilli() || batch.MaxTimestamp != msgs[4].Time.UnixMilli() {
					t.Errorf("its times are %d to %d", batch.FirstTimestamp, batch.MaxTimestamp)
				}
				if len(records) != len(msgs) {
					t.Fatalf("%d records of %d messages", len(records), len(msgs))
				}
				for i, r := range records {
					var headers []kafkago.Header
					for _, h := range r.Headers {
						headers = append(headers, kafkago.Header{Key: h.Key, Value: h.Value})
					}
					if diff := cmp.Diff(msgs[i], message("t", r.Key, r.Value, headers)); diff != "" {
						t.Errorf("message %d: -want +got:\n%s", i, diff)
					}
					if (r.Key == nil) != (msgs[i].Key == "") || r.Value == nil || r.Timestamp.UnixMilli() != msgs[i].Time.UnixMilli() {
						t.Errorf("record %d has key %v, value %v, time %v", i, r.Key, r.Value, r.Timestamp)
					}
				}
			}
		})
	}
}

func TestWhatDoesNotGetSmallerIsNotCompressed(t *testing.T) {
	t.Parallel()
	f := newFrame()
	if err := f.encode(sample(), []int{3}, CompressLZ4.codec()); err != nil {
		t.Fatal(err)
	}
	if batch, records := decode(t, f); batch.Attributes != 0 || len(records) != 1 {
		t.Errorf("attributes %d, %d records", batch.Attributes, len(records))
	}
}

func TestTheSizeOfAMessageIsThatOfABatchOfItAlone(t *testing.T) {
	t.Parallel()
	msgs := sample()
	for i := range msgs {
		f := newFrame()
		if err := f.encode(msgs, []int{i}, codec{}); err != nil {
			t.Fatal(err)
		}
		if want, got := len(f.bytes)-4, sizeOf(&msgs[i]); got != want {
			t.Errorf("message %d is counted as %d; want %d", i, got, want)
		}
	}
}

func FuzzVarints(f *testing.F) {
	for _, x := range []int64{0, 1, -1, 63, -64, 64, math.MaxInt64, math.MinInt64} {
		f.Add(x)
	}
	f.Fuzz(func(t *testing.T, x int64) {
		if want, got := len(binary.AppendVarint(nil, x)), varintLen(x); got != want {
			t.Errorf("%d takes %d bytes, counted as %d", x, want, got)
		}
	})
}

func FuzzABatchComesBack(f *testing.F) {
	f.Add("id", "key", []byte("{}"), "name", "value", int64(1_767_323_045_678), int64(5), uint8(3))
	f.Add("", "", []byte{}, "", "", int64(0), int64(-5), uint8(0))
	f.Fuzz(func(t *testing.T, id, key string, value []byte, name, text string, at, delta int64, code uint8) {
		const year = 365 * 24 * time.Hour
		at, delta = at%(100*year.Milliseconds()), delta%(100*year.Milliseconds())
		msgs := []bridge.Message{
			{ID: id, Key: key, Value: value, Time: time.UnixMilli(at), Headers: []bridge.Header{{Name: "x" + name, Value: text}}},
			{ID: id + "2", Value: value, Time: time.UnixMilli(at + delta)},
		}
		frame := newFrame()
		if err := frame.encode(msgs, []int{0, 1}, Compressions()[int(code)%len(Compressions())].codec()); err != nil {
			t.Fatal(err)
		}
		_, records := decode(t, frame)
		if len(records) != 2 || string(records[0].Key) != key || !bytes.Equal(records[0].Value, value) || !bytes.Equal(records[1].Value, value) {
			t.Errorf("%d records came back, or others", len(records))
		}
	})
}
