package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"hrbridge/bridge"
)

// version is that of the records that are written. A change of their form is a new version, and the older ones are read for
// ever: a spool that an earlier hrbridge left has to be drained.
const version = 1

// What every record of every version begins with: the magic, the version, and the version inverted, so that a damaged version
// is not taken for one of the future.
const (
	magic      = "hrs"
	prefixSize = len(magic) + 2
	headSize   = prefixSize + 4 + 8 + 8 + 8 + 4 // checksum, sequence, before, time, count
)

// minMessage is what a message takes at least: the lengths of its texts, and its time, index, headers and value.
const minMessage = 12

var (
	errDamaged = errors.New("the record is damaged")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// futureError is a record of a version that this program does not know.
type futureError struct{ version byte }

func (e *futureError) Error() string {
	return fmt.Sprintf("the spool holds records of version %d, and this hrbridge knows up to %d: start the hrbridge that wrote them, or a newer one, until the spool is empty",
		e.version, version)
}

// head is what a record says of itself.
type head struct {
	// sequence counts the records that were acknowledged, without a gap. Where it repeats, the earlier ones were not.
	sequence uint64
	// before is how many events all records before this one held, so that a gap can be told in events too.
	before uint64
	// at is when the record was written.
	at time.Time
	// count is how many events it holds.
	count int
}

// encode appends the record of msgs to buf.
func encode(buf []byte, h head, msgs []bridge.Message) []byte {
	start := len(buf)
	buf = append(buf, magic...)
	buf = append(buf, version, ^byte(version), 0, 0, 0, 0)
	buf = binary.LittleEndian.AppendUint64(buf, h.sequence)
	buf = binary.LittleEndian.AppendUint64(buf, h.before)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(h.at.UnixNano()))
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(msgs)))
	for i := range msgs {
		buf = appendMessage(buf, &msgs[i])
	}
	record := buf[start:]
	binary.LittleEndian.PutUint32(record[prefixSize:], crc32.Checksum(record[prefixSize+4:], castagnoli))
	return buf
}

func appendMessage(buf []byte, m *bridge.Message) []byte {
	for _, s := range [...]string{m.ID, m.Nonce, m.Topic, m.Key, m.Source, m.Type, m.Delivery} {
		buf = appendText(buf, s)
	}
	buf = binary.AppendVarint(buf, m.Time.Unix())
	buf = binary.AppendUvarint(buf, uint64(m.Time.Nanosecond()))
	buf = binary.AppendVarint(buf, int64(m.Index))
	buf = binary.AppendUvarint(buf, uint64(len(m.Headers)))
	for i := range m.Headers {
		buf = appendText(appendText(buf, m.Headers[i].Name), m.Headers[i].Value)
	}
	return append(binary.AppendUvarint(buf, uint64(len(m.Value))), m.Value...)
}

func appendText(buf []byte, s string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}

// decode reads a record and appends its messages to msgs; their values are slices of data. An error is errDamaged or a
// *futureError.
func decode(data []byte, msgs []bridge.Message) (head, []bridge.Message, error) {
	if len(data) < prefixSize || string(data[:len(magic)]) != magic || data[len(magic)] != ^data[len(magic)+1] {
		return head{}, msgs, errDamaged
	}
	switch v := data[len(magic)]; {
	case v > version:
		return head{}, msgs, &futureError{v}
	case v != version || len(data) < headSize:
		return head{}, msgs, errDamaged
	}
	data = data[prefixSize:]
	if binary.LittleEndian.Uint32(data) != crc32.Checksum(data[4:], castagnoli) {
		return head{}, msgs, errDamaged
	}
	h := head{
		sequence: binary.LittleEndian.Uint64(data[4:]),
		before:   binary.LittleEndian.Uint64(data[12:]),
		at:       time.Unix(0, int64(binary.LittleEndian.Uint64(data[20:]))),
		count:    int(binary.LittleEndian.Uint32(data[28:])),
	}
	r := reader{rest: data[32:]}
	if h.count > len(r.rest)/minMessage {
		return head{}, msgs, errDamaged
	}
	whole := msgs
	for range h.count {
		whole = append(whole, r.message())
	}
	if r.bad || len(r.rest) != 0 {
		clear(whole[len(msgs):])
		return head{}, msgs, errDamaged
	}
	return h, whole, nil
}

// reader takes a record apart. What does not fit makes it bad, and everything after that empty.
type reader struct {
	rest []byte
	bad  bool
	last bridge.Message // the texts of messages repeat, and need no memory of their own then
}

func (r *reader) message() bridge.Message {
	m := bridge.Message{
		ID: r.text(""), Nonce: r.text(r.last.Nonce), Topic: r.text(r.last.Topic), Key: r.text(r.last.Key),
		Source: r.text(r.last.Source), Type: r.text(r.last.Type), Delivery: r.text(r.last.Delivery),
	}
	seconds, nanos := r.varint(), r.uvarint()
	if nanos >= uint64(time.Second) {
		r.bad = true
	}
	m.Time = time.Unix(seconds, int64(nanos)).UTC()
	m.Index = int(r.varint())
	if headers := r.uvarint(); headers > uint64(len(r.rest)/2) {
		r.bad = true
	} else if headers > 0 {
		m.Headers = make([]bridge.Header, headers)
		for i := range m.Headers {
			m.Headers[i] = bridge.Header{Name: r.text(""), Value: r.text("")}
		}
	}
	m.Value = r.bytes()
	r.last = m
	return m
}

// text is a text, which may be the same as a known one.
func (r *reader) text(known string) string {
	b := r.bytes()
	if string(b) == known {
		return known
	}
	return string(b)
}

func (r *reader) bytes() []byte {
	n := r.uvarint()
	if r.bad || n > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	return r.took(v, n)
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	return int64(r.took(uint64(v), n))
}

func (r *reader) took(v uint64, n int) uint64 {
	if r.bad || n <= 0 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}
