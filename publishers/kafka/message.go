package kafka

import (
	"strings"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"hrbridge/bridge"
)

// The headers of every message. CloudEvents attributes are lower case behind "ce_", as its Kafka binding has them; their
// values are UTF-8 as they are.
const (
	headerPrefix      = "ce_"
	headerSpecVersion = headerPrefix + "specversion"
	headerID          = headerPrefix + "id"
	headerSource      = headerPrefix + "source"
	headerType        = headerPrefix + "type"
	headerTime        = headerPrefix + "time"
	headerSubject     = headerPrefix + "subject"
	headerContentType = "content-type"
)

// message is the way back: what was published, from what the topic holds. Of a message that something else put there it is
// what can be read. It keeps value.
func message(topic string, key, value []byte, headers []kafkago.Header) bridge.Message {
	m := bridge.Message{Topic: topic, Key: string(key), Value: value}
	for _, h := range headers {
		text := string(h.Value)
		switch h.Key {
		case headerID:
			m.ID = text
		case headerSource:
			m.Source = text
		case headerType:
			m.Type = text
		case headerTime:
			if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
				m.Time = at
			}
		case headerContentType:
		default:
			if !strings.HasPrefix(h.Key, headerPrefix) {
				m.Headers = append(m.Headers, bridge.Header{Name: h.Key, Value: text})
			}
		}
	}
	return m
}
