package bridge

// Event is one element of a delivery's array.
type Event struct {
	// Index is the element's position in the array, from 0.
	Index int
	// Raw is the element as it was signed: a slice of the delivery's bytes, never a copy, never re-encoded.
	Raw []byte
	// Type is the event type, or "" where the element has none within the grammar; Reason then says why.
	Type Type
	// Key is profile.key of a profile event, job.key of a job event and profile.key of every other; "" where there is none.
	// Events of one key keep their order.
	Key string
	// Reason says why the event cannot go to a topic of its own; "" where it can.
	Reason Reason
	// LegibleType is what an event with ReasonBadType says it is, where that is fit for a header: letters, digits and "._-",
	// MaxTypeLength bytes at most.
	LegibleType string
}

// MaxKeyLength is the longest key in bytes. A key becomes a header, and headers have to stay small beside the value.
const MaxKeyLength = 256
