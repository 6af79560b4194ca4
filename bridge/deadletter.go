package bridge

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// Reason is why an event is a dead letter. The set is closed: it is a header's value and a metric's label.
type Reason string

// The reasons.
const (
	ReasonNotObject     Reason = "not_an_object"      // the element is not a JSON object
	ReasonNoType        Reason = "no_type"            // it has no member "type" that is a string
	ReasonBadType       Reason = "bad_type"           // its type is outside the grammar
	ReasonKeyTooLong    Reason = "key_too_long"       // its key is longer than MaxKeyLength
	ReasonUnknownObject Reason = "unknown_object"     // the type's object has no topics
	ReasonUnknownType   Reason = "unknown_type"       // the type is not in the catalogue, and the policy says dead letter
	ReasonTooManyTypes  Reason = "too_many_new_types" // the type is not in the catalogue, and the cap on such types is reached
	ReasonTooLarge      Reason = "too_large"          // the broker's topic takes no message as large as this one
	ReasonRefused       Reason = "refused_by_broker"  // the broker will not take the message, and waiting does not change that
)

// Reasons are all of them.
func Reasons() []Reason {
	return []Reason{
		ReasonNotObject, ReasonNoType, ReasonBadType, ReasonKeyTooLong, ReasonUnknownObject, ReasonUnknownType, ReasonTooManyTypes,
		ReasonTooLarge, ReasonRefused,
	}
}

// DeadLetterType is the CloudEvents type of a dead letter that has no event type.
const DeadLetterType = "hrbridge.deadletter"

// The headers of a dead letter. What cannot be told has none.
const (
	HeaderReason     = "hrbridge-reason"      // a Reason
	HeaderType       = "hrbridge-type"        // what the event says that it is, where that is fit for a header
	HeaderSource     = "hrbridge-source"      // the name of the source
	HeaderDelivery   = "hrbridge-delivery"    // the delivery's id
	HeaderIndex      = "hrbridge-index"       // the element's position in the delivery's array, from 0
	HeaderFirstBytes = "hrbridge-first-bytes" // a hash by which letters that begin alike are found without reading them
	HeaderTopic      = "hrbridge-topic"       // the topic that the event should have gone to
)

// HeaderReplayedFrom is on a message that was a dead letter: where on the dead-letter topic that still is.
const HeaderReplayedFrom = "hrbridge-replayed-from"

const (
	sourcePrefix = "/hrflow/" // of the CloudEvents source

	firstBytes     = 64 // how many of a value HeaderFirstBytes is of
	firstBytesHash = 8  // how many bytes of the hash it shows
)

// DeadLetter is m as a dead letter on topic. The value, the id, the key and the headers that m has stay; m's own topic is
// where it should have gone, and what replaying it goes by. A message that is a dead letter already stays the one that it is.
func (m Message) DeadLetter(topic string, r Reason) Message {
	if m.IsDeadLetter() {
		m.Topic = topic
		return m
	}
	return m.deadLetter(topic, r, m.Type)
}

// deadLetter is DeadLetter for an event that says itself what it is, in whatever words.
func (m Message) deadLetter(topic string, r Reason, said string) Message {
	headers := append(slices.Clip(m.Headers), Header{HeaderReason, string(r)})
	add := func(name, value string) {
		if value != "" {
			headers = append(headers, Header{name, value})
		}
	}
	add(HeaderType, said)
	add(HeaderSource, strings.TrimPrefix(m.Source, sourcePrefix))
	if m.Delivery != "" {
		add(HeaderDelivery, m.Delivery)
		add(HeaderIndex, strconv.Itoa(m.Index))
	}
	add(HeaderFirstBytes, firstBytesOf(m.Value))
	add(HeaderTopic, m.Topic)
	m.Headers, m.Topic = headers, topic
	if m.Type == "" {
		m.Type = DeadLetterType
	}
	return m
}

// firstBytesOf tells values that begin alike from others, and nothing of what they say.
func firstBytesOf(value []byte) string {
	sum := sha256.Sum256(value[:min(len(value), firstBytes)])
	return hex.EncodeToString(sum[:firstBytesHash])
}

// IsDeadLetter tells whether m is one, by its headers.
func (m *Message) IsDeadLetter() bool { return m.Header(HeaderReason) != "" }

// Replay is the dead letter m as the message that it should have been, on topic: with its own id, and with a nonce, so that
// a broker which drops repeats takes it although it holds the letter. from says where the letter is.
func (m Message) Replay(topic, nonce, from string) Message {
	var headers []Header
	for _, h := range m.Headers {
		if !strings.HasPrefix(h.Name, "hrbridge-") {
			headers = append(headers, h)
		}
	}
	m.Headers = append(headers, Header{HeaderReplayedFrom, from})
	m.Topic, m.Nonce = topic, nonce
	return m
}
