package bridge

import "time"

// Message is what a publisher puts on a broker. It is a CloudEvent 1.0 in binary mode: the value is the event's bytes,
// untouched, and its attributes travel as headers, which each publisher names in its broker's way ("ce-id" on NATS, "ce_id"
// on Kafka). The content type of every message is ContentType.
type Message struct {
	// ID is the CloudEvents id: the same for every redelivery of the same signed bytes, on every replica, for ever.
	ID string
	// Nonce is put beside the ID for a broker that drops repeats, so that a message which was stored before is stored again:
	// a dead letter that is replayed. "" for every other.
	Nonce string
	// Topic is the NATS subject or the Kafka topic.
	Topic string
	// Key is the CloudEvents subject and what a partitioned broker partitions by; "" is no key. It is any UTF-8 of at most
	// MaxKeyLength bytes; a publisher encodes it as its header format demands.
	Key string
	// Source is the CloudEvents source, "/hrflow/" and the name of the source.
	Source string
	// Type is the CloudEvents type: the event type, or DeadLetterType for a dead letter that has none.
	Type string
	// Time is the CloudEvents time: when the delivery was received.
	Time time.Time
	// Delivery and Index are the id of the delivery that the event came in and its place there; "" where they are not known.
	// They are for a dead letter's headers, and no publisher puts them on a broker.
	Delivery string
	Index    int
	// Headers are those beside the CloudEvents attributes: traceparent, and those of a dead letter and of a replayed one.
	// Names and values are printable ASCII.
	Headers []Header
	// Value is the event's own bytes.
	Value []byte
}

// DedupeID is what a broker that drops repeats compares: the ID, and the nonce where there is one.
func (m *Message) DedupeID() string {
	if m.Nonce == "" {
		return m.ID
	}
	return m.ID + "." + m.Nonce
}

// Header is the value of the header of a name, "" where m has none.
func (m *Message) Header(name string) string {
	for _, h := range m.Headers {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

// Header is one header of a message.
type Header struct{ Name, Value string }

// What every message has, and the name of a header that some have.
const (
	SpecVersion = "1.0"
	ContentType = "application/json"

	HeaderTraceparent = "traceparent"
)

// HeaderAllowance is how many bytes a message's headers take at most, beside a value of any size: what a broker's limit
// on a whole message has to leave free.
const HeaderAllowance = 4 << 10

// MaxMessage is the largest message, headers included, that brokers take unless they are told otherwise.
const MaxMessage = 1 << 20
