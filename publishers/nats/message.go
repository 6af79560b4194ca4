package nats

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"hrbridge/bridge"
)

// The headers of every message. CloudEvents attributes are lower case, as its NATS binding has them.
const (
	headerSpecVersion = "ce-specversion"
	headerID          = "ce-id"
	headerSource      = "ce-source"
	headerType        = "ce-type"
	headerTime        = "ce-time"
	headerSubject     = "ce-subject"
	headerContentType = "content-type"

	headerBatchID     = "Nats-Batch-Id"
	headerBatchSeq    = "Nats-Batch-Sequence"
	headerBatchCommit = "Nats-Batch-Commit"
)

// fixedHeaders is what every message's headers take beside its own texts: the version line, names, fixed values, the time at
// its longest, separators, and room for the headers of a batch.
const fixedHeaders = 384

// sizeOf is how many bytes m takes of the server's and the stream's limit, headers counted; never too few.
func sizeOf(m *bridge.Message) int {
	n := fixedHeaders + len(m.Value) + 2*len(m.ID) + len(".") + len(m.Nonce) + len(m.Source) + len(m.Type) + encodedLength(m.Key)
	for i := range m.Headers {
		n += len(m.Headers[i].Name) + len(m.Headers[i].Value) + len(": \r\n")
	}
	return n
}

// envelope is what a message is written from: one header map and one set of value slices, used again and again.
type envelope struct {
	msg    natsgo.Msg
	values [][1]string
	at     time.Time // that timeText is of
	text   string
}

var envelopes = sync.Pool{New: func() any {
	return &envelope{msg: natsgo.Msg{Header: make(natsgo.Header, 16)}, values: make([][1]string, 0, 16)}
}}

// fill makes the envelope's message that of m. It refers to m's bytes until it is filled again or emptied.
func (e *envelope) fill(m *bridge.Message) {
	clear(e.msg.Header)
	e.values = e.values[:0]
	e.msg.Subject, e.msg.Data = m.Topic, m.Value
	for i := range m.Headers {
		e.set(m.Headers[i].Name, m.Headers[i].Value)
	}
	e.set(natsgo.MsgIdHdr, m.DedupeID())
	e.set(headerSpecVersion, bridge.SpecVersion)
	e.set(headerID, m.ID)
	e.set(headerSource, m.Source)
	e.set(headerType, m.Type)
	e.set(headerTime, e.timeText(m.Time))
	e.set(headerContentType, bridge.ContentType)
	if m.Key != "" {
		e.set(headerSubject, encode(m.Key))
	}
}

func (e *envelope) set(name, value string) {
	// A header map of slices of one: where values grows, those that the map holds already stay valid in the old array.
	e.values = append(e.values, [1]string{value})
	e.msg.Header[name] = e.values[len(e.values)-1][:]
}

// timeText formats t, or returns what it was formatted to just before: the messages of a delivery share their time.
func (e *envelope) timeText(t time.Time) string {
	if e.text == "" || !t.Equal(e.at) {
		e.at, e.text = t, t.UTC().Format(time.RFC3339Nano)
	}
	return e.text
}

// release gives the envelope back and lets go of the message.
func (e *envelope) release() {
	clear(e.msg.Header)
	clear(e.values)
	e.msg.Subject, e.msg.Reply, e.msg.Data = "", "", nil
	envelopes.Put(e)
}

const upperHex = "0123456789ABCDEF"

// verbatim tells whether CloudEvents' HTTP binding (3.1.3.2) has c in a header as it is.
func verbatim(c byte) bool { return c > ' ' && c < 0x7F && c != '"' && c != '%' }

func encodedLength(s string) int {
	n := len(s)
	for i := range len(s) {
		if !verbatim(s[i]) {
			n += 2
		}
	}
	return n
}

// encode percent-encodes what may not stand in a header, as UTF-8 octets.
func encode(s string) string {
	n := encodedLength(s)
	if n == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(n)
	for i := range len(s) {
		if c := s[i]; verbatim(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}

// batched adds the headers of message seq, from 1, of an atomic batch.
func (e *envelope) batched(id string, seq int, last bool) {
	e.set(headerBatchID, id)
	e.set(headerBatchSeq, strconv.Itoa(seq))
	if last {
		e.set(headerBatchCommit, "1")
	}
}

// message is the way back: what was published, from what the stream holds. Of a message that something else put there it is
// what can be read.
func message(subject string, header natsgo.Header, value []byte) bridge.Message {
	m := bridge.Message{
		Topic:  subject,
		ID:     header.Get(headerID),
		Key:    header.Get(headerSubject),
		Source: header.Get(headerSource),
		Type:   header.Get(headerType),
		Value:  value,
	}
	if key, err := url.PathUnescape(m.Key); err == nil {
		m.Key = key
	}
	if at, err := time.Parse(time.RFC3339Nano, header.Get(headerTime)); err == nil {
		m.Time = at
	}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if name != headerContentType && !strings.HasPrefix(name, "ce-") && !strings.HasPrefix(name, "Nats-") {
			m.Headers = append(m.Headers, bridge.Header{Name: name, Value: header.Get(name)})
		}
	}
	return m
}
