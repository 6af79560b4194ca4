package kafka

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"sync"

	"github.com/segmentio/kafka-go/compress"

	"hrbridge/bridge"
)

// Where things are in a record batch (v2), behind the four bytes of length that a produce request puts before it.
const (
	atLength     = 4 + 8
	afterLength  = atLength + 4
	atEpoch      = afterLength // of the partition's leader
	atMagic      = atEpoch + 4
	atCRC        = atMagic + 1
	afterCRC     = atCRC + 4
	atAttributes = afterCRC
	atLastDelta  = atAttributes + 2
	atFirstTime  = atLastDelta + 4
	atLastTime   = atFirstTime + 8
	atProducer   = atLastTime + 8
	atSequence   = atProducer + 8 + 2
	atCount      = atSequence + 4
	atRecords    = atCount + 4

	// batchOverhead is what a batch takes beside its records.
	batchOverhead = atRecords - 4

	magic      = 2
	noProducer = -1
)

// frame is an encoded record batch as a produce request has it. Once it was sent, its bytes stay what they are for as long as
// it is not known what became of it.
type frame struct {
	bytes   []byte
	raw     []byte // the records before they were compressed
	records recorder
}

var frames sync.Pool

func newFrame() *frame {
	f, ok := frames.Get().(*frame)
	if !ok {
		f = new(frame)
	}
	return f
}

// release gives the frame back. It must not be called while a send may still read it.
func (f *frame) release() {
	const most = 4 << 20 // one such batch should not hold so much for good
	if cap(f.bytes)+cap(f.raw) <= most {
		frames.Put(f)
	}
}

// codec compresses batches; of none it has no compression.
type codec struct {
	code int8
	with compress.Codec
}

func (c Compression) codec() codec {
	switch c {
	case CompressGzip:
		return codec{int8(compress.Gzip), compress.Gzip.Codec()}
	case CompressSnappy:
		return codec{int8(compress.Snappy), compress.Snappy.Codec()}
	case CompressLZ4:
		return codec{int8(compress.Lz4), compress.Lz4.Codec()}
	case CompressZstd:
		return codec{int8(compress.Zstd), compress.Zstd.Codec()}
	case CompressNone:
	}
	return codec{}
}

// encode writes the messages that places names as one batch, without a producer, of which stamp is told. It copies all that it
// needs of them. Nothing is compressed that does not get smaller.
func (f *frame) encode(msgs []bridge.Message, places []int, c codec) error {
	first := millis(msgs[places[0]].Time)
	last := first
	f.raw = f.raw[:0]
	for i, place := range places {
		m := &msgs[place]
		at := millis(m.Time)
		last = max(last, at)
		f.raw = f.records.append(f.raw, m, at-first, i)
	}
	f.bytes = append(f.bytes[:0], make([]byte, atRecords)...)
	compressed := false
	if c.with != nil {
		b := bytes.NewBuffer(f.bytes)
		w := c.with.NewWriter(b)
		_, err := w.Write(f.raw)
		if closing := w.Close(); err == nil {
			err = closing
		}
		if err != nil {
			return err
		}
		f.bytes = b.Bytes()
		compressed = len(f.bytes)-atRecords < len(f.raw)
	}
	attributes := uint16(c.code)
	if !compressed {
		attributes = 0
		f.bytes = append(f.bytes[:atRecords], f.raw...)
	}
	b := f.bytes
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	binary.BigEndian.PutUint32(b[atLength:], uint32(len(b)-afterLength))
	binary.BigEndian.PutUint32(b[atEpoch:], 1<<32-1) // -1: the broker knows it
	b[atMagic] = magic
	binary.BigEndian.PutUint16(b[atAttributes:], attributes)
	binary.BigEndian.PutUint32(b[atLastDelta:], uint32(len(places)-1))
	binary.BigEndian.PutUint64(b[atFirstTime:], uint64(first))
	binary.BigEndian.PutUint64(b[atLastTime:], uint64(last))
	binary.BigEndian.PutUint32(b[atCount:], uint32(len(places)))
	f.stamp(anonymous())
	return nil
}

// identity is who sends a batch, and the batch's place among all that he sends to the partition.
type identity struct {
	producer int64
	epoch    int16
	sequence int32
}

// anonymous is the identity of a batch that the broker stores as often as it is sent.
func anonymous() identity { return identity{noProducer, noProducer, noProducer} }

// stamp puts the identity into the batch, and with it the checksum. It must not be called once the batch was sent.
func (f *frame) stamp(id identity) {
	binary.BigEndian.PutUint64(f.bytes[atProducer:], uint64(id.producer))
	binary.BigEndian.PutUint16(f.bytes[atProducer+8:], uint16(id.epoch))
	binary.BigEndian.PutUint32(f.bytes[atSequence:], uint32(id.sequence))
	binary.BigEndian.PutUint32(f.bytes[atCRC:], crc32.Checksum(f.bytes[afterCRC:], crc32.MakeTable(crc32.Castagnoli)))
}

// sizeOf is what m takes of the topic's max.message.bytes: a batch of it alone, which counts before it is compressed, so that
// the same message is always too large or never. It is never too few.
func sizeOf(m *bridge.Message) int {
	var r recorder
	body := r.body(m, 0, 0)
	return batchOverhead + textLen(body)
}
