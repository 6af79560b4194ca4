package bridge

import "time"

// Delivery is one HTTP request of a source, after its signature was verified.
type Delivery struct {
	// Source is the name of the configured webhook.
	Source string
	// Signed are the bytes that the signature covers, decoded: what the events are cut from.
	Signed []byte
	// Received is when the request arrived.
	Received time.Time
	// Traceparent is the W3C trace context of the request, "" where it has none.
	Traceparent string
}

// Receipt says what became of a delivery whose every event is durable.
type Receipt struct {
	Delivery     string // the delivery's id, which its dead letters carry
	Events       int    // elements of the delivery's array
	Published    int    // of them, on topics of their own
	DeadLettered int    // of them, on the dead-letter topic
}
