package groupcommit

import (
	"context"
	"errors"
	"fmt"

	"hrbridge/bridge"
)

// Committer makes a commit: one round trip to a broker, shared by all callers whose messages are in it.
//
// Commit returns nil only when every message is held durably. It calls sent as soon as it will never again read a byte of
// msgs, before it waits for the answer: from then on callers whose context ends may leave and reuse their memory. It keeps
// no reference to msgs after it returns. The lane calls it from one goroutine at a time.
//
// Its error decides what becomes of the callers:
//   - a [bridge.Error] with Indexes (positions in msgs) fails the calls that own those messages, and the lane commits the
//     messages of all other calls again;
//   - a [Partial] fails the calls that own the messages which it names; all others are durable;
//   - one with [ErrSplit] in its chain makes the lane commit the same messages again in smaller parts;
//   - any other fails every call that has a message in the commit.
type Committer interface {
	Commit(ctx context.Context, msgs []bridge.Message, sent func()) error
}

// EachCommitter is a Committer of a broker that may refuse a commit as a whole for what one of its messages is, as an atomic
// batch does with an id that is already stored.
//
// CommitEach is Commit without the whole: each message is stored on its own, in order, and those that are stored already
// count as stored. The lane calls it with what is left, the messages of one call, when Commit keeps answering ErrSplit.
type EachCommitter interface {
	Committer
	CommitEach(ctx context.Context, msgs []bridge.Message, sent func()) error
}

// ErrSplit says that the broker stored nothing of a commit and refused it as a whole because of some of its messages, no
// one knows which. The lane commits it again in halves, never parting a call, until the calls that are refused are alone;
// those go through [EachCommitter], and fail with the error where the committer is none.
var ErrSplit = errors.New("refused as a whole")

// Partial is the error of a commit of which a part is durable: every message that none of the errors names in its Indexes.
// It is for brokers that keep the parts of a commit apart, such as a cluster's partitions, where a commit of the rest would
// store it twice. A call of which several errors name messages gets the first of them. The Indexes that a caller gets name
// also what of his call no commit has taken, so that for him, too, every message that they do not name is durable.
type Partial []*bridge.Error

func (p Partial) Error() string {
	if len(p) == 0 {
		return "nothing failed"
	}
	return fmt.Sprintf("%d parts failed, the first: %v", len(p), p[0])
}
