package bridge

import (
	"errors"
	"fmt"
	"time"
)

// Kind sorts errors by what the caller can do about them. The set is closed; the ingress maps it to an answer in one place.
type Kind int

// The kinds.
const (
	// KindInternal is a fault of hrbridge's own.
	KindInternal Kind = iota
	// KindInvalid is a delivery that the wire does not allow. Sending it again changes nothing.
	KindInvalid
	// KindTooLarge is a delivery or a message that is larger than a limit. Sending it again changes nothing.
	KindTooLarge
	// KindUnavailable is a broker out of reach or not ready. Nothing is known to be wrong with the messages: try again.
	KindUnavailable
	// KindTimeout is an acknowledgement that did not come in time: the messages may be stored. Try again.
	KindTimeout
	// KindFull is a broker or a disk without room. Try again later; an operator has to act.
	KindFull
	// KindRefused is a broker that will not take the messages until somebody changes its configuration or its rights.
	KindRefused
)

var kindNames = [...]string{"internal", "invalid", "too_large", "unavailable", "timeout", "full", "refused"}

// String is the kind as logs and metrics show it.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "internal"
	}
	return kindNames[k]
}

// Retryable tells whether the same messages may go through later without anybody changing them.
func (k Kind) Retryable() bool { return k == KindUnavailable || k == KindTimeout || k == KindFull }

// Error is the one error of the domain and its publishers. Neither it nor what it wraps contains event content.
type Error struct {
	Kind Kind
	// Op is what was being done, such as "publish to stream HRFLOW".
	Op string
	// Indexes are the positions, in the delivery or in the messages handed to Publish, that the error is about, ascending;
	// nil where it is about all of them or they cannot be known.
	Indexes []int
	// RetryAfter is when the same may go through, where that can be told; 0 where it cannot.
	RetryAfter time.Duration
	Err        error
}

func (e *Error) Error() string {
	s := e.Op
	if len(e.Indexes) > 0 {
		s = fmt.Sprintf("%s: message %d", s, e.Indexes[0])
		if n := len(e.Indexes) - 1; n > 0 {
			s = fmt.Sprintf("%s and %d more", s, n)
		}
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of err: that of the [*Error] in its chain, else KindInternal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return KindInternal
}
