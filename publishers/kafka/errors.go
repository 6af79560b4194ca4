package kafka

import (
	"context"
	"errors"
	"os"
	"strings"

	kafkago "github.com/segmentio/kafka-go"

	"hrbridge/bridge"
)

// kindOf sorts what kafka-go and the brokers say. What is not known to need somebody's hand may pass: to try again is right.
func kindOf(err error) bridge.Kind {
	if e, ok := errors.AsType[*bridge.Error](err); ok {
		return e.Kind
	}
	if code, ok := errors.AsType[kafkago.Error](err); ok {
		return kindOfCode(code)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, os.ErrDeadlineExceeded) {
		return bridge.KindTimeout
	}
	return bridge.KindUnavailable
}

// kindOfCode sorts what a broker answered.
func kindOfCode(code kafkago.Error) bridge.Kind {
	switch code {
	case kafkago.MessageSizeTooLarge, kafkago.RecordListTooLarge:
		return bridge.KindTooLarge
	case kafkago.RequestTimedOut:
		return bridge.KindTimeout
	case kafkago.InvalidMessage, kafkago.InvalidMessageSize, kafkago.InvalidRequiredAcks, kafkago.InvalidTimestamp, kafkago.InvalidRecord:
		return bridge.KindInternal
	case kafkago.InvalidTopic, kafkago.TopicAuthorizationFailed, kafkago.ClusterAuthorizationFailed, kafkago.GroupAuthorizationFailed,
		kafkago.UnsupportedSASLMechanism, kafkago.IllegalSASLState, kafkago.SASLAuthenticationFailed, kafkago.UnsupportedVersion,
		kafkago.UnsupportedForMessageFormat, kafkago.UnsupportedCompressionType, kafkago.PolicyViolation, kafkago.SecurityDisabled:
		return bridge.KindRefused
	default:
		return bridge.KindUnavailable
	}
}

// fault makes err the domain's. Neither kafka-go's nor the brokers' texts hold event content.
func fault(op string, err error) *bridge.Error {
	return &bridge.Error{Kind: kindOf(err), Op: op, Err: bare(err)}
}

// bare is err without the name of the method that kafka-go's client puts before it.
func bare(err error) error {
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), "kafka.(*Client).") {
		return inner
	}
	return err
}
