package kafka

import (
	"encoding/binary"
	"math/bits"
	"time"

	"hrbridge/bridge"
)

// fixedHeaders are the headers of every message that has a key, and of every one that has none.
const fixedHeaders = 6

// recorder writes messages as Kafka's records (v2), one after the other.
type recorder struct {
	at   time.Time // that text is of
	text []byte
}

// body is how long the record of m is without the length before it.
func (r *recorder) body(m *bridge.Message, timestampDelta int64, offsetDelta int) int {
	r.format(m.Time)
	n := 1 + varintLen(timestampDelta) + varintLen(int64(offsetDelta))
	if m.Key == "" {
		n++
	} else {
		n += textLen(len(m.Key)) + headerLen(headerSubject, len(m.Key))
	}
	n += textLen(len(m.Value)) + varintLen(int64(headersOf(m)))
	n += headerLen(headerSpecVersion, len(bridge.SpecVersion)) + headerLen(headerID, len(m.ID)) + headerLen(headerSource, len(m.Source)) +
		headerLen(headerType, len(m.Type)) + headerLen(headerTime, len(r.text)) + headerLen(headerContentType, len(bridge.ContentType))
	for i := range m.Headers {
		n += headerLen(m.Headers[i].Name, len(m.Headers[i].Value))
	}
	return n
}

// append puts the record of m behind b.
func (r *recorder) append(b []byte, m *bridge.Message, timestampDelta int64, offsetDelta int) []byte {
	b = binary.AppendVarint(b, int64(r.body(m, timestampDelta, offsetDelta)))
	b = append(b, 0) // attributes: there are none
	b = binary.AppendVarint(b, timestampDelta)
	b = binary.AppendVarint(b, int64(offsetDelta))
	if m.Key == "" {
		b = append(b, 1) // -1: no key, which is another thing than an empty one
	} else {
		b = appendText(b, m.Key)
	}
	b = binary.AppendVarint(b, int64(len(m.Value)))
	b = append(b, m.Value...)

	b = binary.AppendVarint(b, int64(headersOf(m)))
	b = appendHeader(b, headerSpecVersion, bridge.SpecVersion)
	b = appendHeader(b, headerID, m.ID)
	b = appendHeader(b, headerSource, m.Source)
	b = appendHeader(b, headerType, m.Type)
	b = appendText(b, headerTime)
	b = binary.AppendVarint(b, int64(len(r.text)))
	b = append(b, r.text...)
	b = appendHeader(b, headerContentType, bridge.ContentType)
	if m.Key != "" {
		b = appendHeader(b, headerSubject, m.Key)
	}
	for i := range m.Headers {
		b = appendHeader(b, m.Headers[i].Name, m.Headers[i].Value)
	}
	return b
}

// format makes text that of t, where it is not: the messages of a delivery share their time.
func (r *recorder) format(t time.Time) {
	if r.text == nil || !t.Equal(r.at) {
		r.at, r.text = t, t.UTC().AppendFormat(r.text[:0], time.RFC3339Nano)
	}
}

func headersOf(m *bridge.Message) int {
	n := fixedHeaders + len(m.Headers)
	if m.Key != "" {
		n++
	}
	return n
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendVarint(b, int64(len(s))), s...)
}

func appendHeader(b []byte, name, value string) []byte {
	return appendText(appendText(b, name), value)
}

func headerLen(name string, value int) int { return textLen(len(name)) + textLen(value) }

func textLen(n int) int { return varintLen(int64(n)) + n }

// varintLen is how many bytes binary.AppendVarint takes for x.
func varintLen(x int64) int {
	zigzag := uint64(x)<<1 ^ uint64(x>>63)
	return (bits.Len64(zigzag|1) + 6) / 7
}

// millis is the record's timestamp for t: when the delivery was received, as long as anybody said.
func millis(t time.Time) int64 {
	if t.IsZero() {
		t = time.Now()
	}
	return t.UnixMilli()
}
