package nats

import (
	"context"
	"errors"
	"fmt"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/bridge"
)

var (
	errAckTimeout   = errors.New("no acknowledgement in time; the messages may be stored")
	errDisconnected = errors.New("the connection broke; the messages may be stored")
	errNoStream     = errors.New("no stream takes these subjects")
	errClosed       = errors.New("the publisher is closed")
)

// The server's error codes that are not told apart well enough by their HTTP-like code. See nats-server's errors.json.
const (
	codeAccountResources   jetstream.ErrorCode = 10002
	codeInsufficient       jetstream.ErrorCode = 10023
	codeMemoryResources    jetstream.ErrorCode = 10028
	codeAccountUnknown     jetstream.ErrorCode = 10035
	codeNotEnabled         jetstream.ErrorCode = 10039
	codeStorageResources   jetstream.ErrorCode = 10047
	codeMessageTooLarge    jetstream.ErrorCode = 10054
	codeSubjectsOverlap    jetstream.ErrorCode = 10065
	codeReplicas           jetstream.ErrorCode = 10074
	codeJetStreamOff       jetstream.ErrorCode = 10076
	codeStoreFailed        jetstream.ErrorCode = 10077
	codeHeaderTooLarge     jetstream.ErrorCode = 10097
	codeStreamBytes        jetstream.ErrorCode = 10122
	codeDuplicateInProcess jetstream.ErrorCode = 10158
	codeBatchIncomplete    jetstream.ErrorCode = 10176
	codeBatchTooLarge      jetstream.ErrorCode = 10199
	codeBatchDuplicate     jetstream.ErrorCode = 10201
)

// storeTooLarge is what the server's store says, under the code for a full stream, of a message that no file block takes.
const storeTooLarge = "message too large"

// kindOfCode sorts what the server answered.
func kindOfCode(e *jetstream.APIError) bridge.Kind {
	switch e.ErrorCode {
	case codeMessageTooLarge, codeHeaderTooLarge:
		return bridge.KindTooLarge
	case codeStoreFailed:
		if e.Description == storeTooLarge {
			return bridge.KindTooLarge
		}
		return bridge.KindFull
	case codeAccountResources, codeInsufficient, codeMemoryResources, codeStorageResources, codeStreamBytes:
		return bridge.KindFull
	case codeAccountUnknown, codeNotEnabled, codeJetStreamOff, codeReplicas:
		return bridge.KindRefused
	case codeDuplicateInProcess, codeBatchIncomplete, codeBatchDuplicate: // a batch with a repeat goes again in parts
		return bridge.KindUnavailable
	case codeBatchTooLarge:
		return bridge.KindInternal
	}
	if e.Code == 429 || e.Code >= 500 {
		return bridge.KindUnavailable
	}
	return bridge.KindRefused
}

// kindOf sorts what nats.go says.
func kindOf(err error) bridge.Kind {
	if e, ok := errors.AsType[*bridge.Error](err); ok {
		return e.Kind
	}
	if e, ok := errors.AsType[*jetstream.APIError](err); ok {
		return kindOfCode(e)
	}
	switch {
	case errors.Is(err, natsgo.ErrMaxPayload):
		return bridge.KindTooLarge
	case errors.Is(err, natsgo.ErrPermissionViolation), isAuth(err), errors.Is(err, natsgo.ErrHeadersNotSupported):
		return bridge.KindRefused
	case errors.Is(err, natsgo.ErrBadSubject), errors.Is(err, natsgo.ErrBadHeaderMsg):
		return bridge.KindInternal
	case errors.Is(err, errAckTimeout), errors.Is(err, natsgo.ErrTimeout), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, context.Canceled):
		return bridge.KindTimeout
	}
	return bridge.KindUnavailable
}

// isAstray tells whether err is one that a look at the stream may explain, or mend.
func isAstray(err error) bool {
	if e, ok := errors.AsType[*jetstream.APIError](err); ok {
		return kindOfCode(e) == bridge.KindRefused || e.ErrorCode == codeBatchIncomplete || e.ErrorCode == codeMessageTooLarge
	}
	return errors.Is(err, errNoStream) || errors.Is(err, errForeign)
}

// isAuth tells whether the server does not take who we say we are.
func isAuth(err error) bool {
	return errors.Is(err, natsgo.ErrAuthorization) || errors.Is(err, natsgo.ErrAuthExpired) ||
		errors.Is(err, natsgo.ErrAuthRevoked) || errors.Is(err, natsgo.ErrAccountAuthExpired)
}

// fault makes err the domain's. Neither nats.go's nor the server's texts hold event content.
func fault(op string, err error, indexes ...int) *bridge.Error {
	return &bridge.Error{Kind: kindOf(err), Op: op, Indexes: indexes, Err: err}
}

// gaveUp is the error of a wait that ctx ended.
func gaveUp(ctx context.Context, op string) *bridge.Error {
	cause := context.Cause(ctx)
	if !errors.Is(cause, errAckTimeout) {
		cause = fmt.Errorf("%w (%w)", errAckTimeout, cause)
	}
	return &bridge.Error{Kind: bridge.KindTimeout, Op: op, Err: cause}
}
