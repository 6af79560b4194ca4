package nats

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/bridge"
)

// causeWait is how long a batch that the server calls incomplete waits for the cause: that we may not publish to one of its
// topics comes before, but by another way.
const causeWait = 100 * time.Millisecond

// flight is a set of messages on their way together. It is over when every message that is to be answered is, or when it
// fails as a whole.
type flight struct {
	op   string
	msgs []bridge.Message
	// batch is the id of the atomic batch that the flight is, "" where each message stands for itself.
	batch string
	over  chan struct{} // closed when the flight is over

	mu       sync.Mutex
	done     bool
	open     int      // messages without an answer
	answered []uint64 // a bit a message
	heard    bool     // some answer came
	repeats  bool     // some message was not stored now: the server has its id already
	failed   *bridge.Error
}

func newFlight(op string, msgs []bridge.Message, batch string) *flight {
	return &flight{
		op:       op,
		msgs:     msgs,
		batch:    batch,
		over:     make(chan struct{}),
		open:     len(msgs),
		answered: make([]uint64, (len(msgs)+63)/64),
	}
}

// address makes e, which holds message i, one of the flight. Of a batch the server acknowledges the last message, and says
// of the first why it cannot take the batch; the others need no answer.
func (f *flight) address(e *envelope, i int, subjects []string) {
	e.msg.Reply = subjects[i]
	if f.batch == "" {
		return
	}
	last := i == len(f.msgs)-1
	if i > 0 && !last {
		e.msg.Reply = ""
	}
	e.batched(f.batch, i+1, last)
}

// answer takes in what the server said of message i.
func (f *flight) answer(i int, a ack, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done || i >= len(f.msgs) {
		return
	}
	f.heard = f.heard || !a.staged
	if f.batch != "" {
		f.answerBatch(i, a, err)
		return
	}
	if err == nil && a.staged {
		err = errForeign
	}
	f.repeats = f.repeats || a.repeat
	f.settle(i, err)
}

// answerBatch takes in what was said of the first message, which tells why the server does not take the batch, or of the
// last, which tells what became of it. The mutex is held.
func (f *flight) answerBatch(i int, a ack, err error) {
	switch {
	case err != nil:
		e := fault(f.op, err)
		if e.Kind == bridge.KindTooLarge {
			e.Indexes = []int{i}
		}
		if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.ErrorCode == codeBatchIncomplete {
			time.AfterFunc(causeWait, func() { f.fail(e) })
			return
		}
		f.end(e)
	case a.staged:
	case i != len(f.msgs)-1 || a.batch != f.batch || a.count != len(f.msgs):
		f.end(fault(f.op, errForeign))
	default:
		f.end(nil)
	}
}

// settle notes the answer of message i. The mutex is held.
func (f *flight) settle(i int, err error) {
	word, bit := i/64, uint64(1)<<(i%64)
	if f.answered[word]&bit != 0 {
		return
	}
	f.answered[word] |= bit
	if err != nil {
		f.blame(i, err)
	}
	if f.open--; f.open == 0 {
		f.end(f.failed)
	}
}

// blame notes that message i was not stored. The flight's error is about the messages of one kind of failure, and what no
// retry changes goes before what one may. The mutex is held.
func (f *flight) blame(i int, err error) {
	e := fault(f.op, err, i)
	switch {
	case f.failed == nil || f.failed.Kind.Retryable() && !e.Kind.Retryable():
		f.failed = e
	case f.failed.Kind == e.Kind:
		f.failed.Indexes = append(f.failed.Indexes, i)
	}
}

// refuse fails the messages without an answer whose topic is subject: the server drops what it does not allow without one.
func (f *flight) refuse(subject string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var refused []int
	for i := 0; i < len(f.msgs) && !f.done; i++ {
		if f.msgs[i].Topic != subject {
			continue
		}
		refused = append(refused, i)
		if f.batch == "" {
			f.settle(i, err)
		}
	}
	if f.batch != "" && refused != nil {
		f.end(fault(f.op, err, refused...))
	}
}

// fail ends the flight as a whole.
func (f *flight) fail(err *bridge.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end(err)
}

// end is called with the mutex held. The first end counts.
func (f *flight) end(err *bridge.Error) {
	if f.done {
		return
	}
	if err != nil {
		slices.Sort(err.Indexes)
	}
	f.done, f.failed = true, err
	close(f.over)
}

func (f *flight) isOver() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.done
}

// wasHeard tells whether the server said anything of the flight.
func (f *flight) wasHeard() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.heard
}

// hadRepeats tells whether the server has known some id of the flight before.
func (f *flight) hadRepeats() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.repeats
}

// result is what became of a flight that is over. Indexes count from offset, where the flight's first message is in the call.
func (f *flight) result(offset int) *bridge.Error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed == nil {
		return nil
	}
	e := *f.failed
	e.Indexes = slices.Clone(e.Indexes)
	for i := range e.Indexes {
		e.Indexes[i] += offset
	}
	return &e
}

// replies are the reply subjects of n messages, cut from one string: {prefix}{flight}.{index}.
func replies(prefix string, flight uint64, n int) []string {
	var all strings.Builder
	var digits [16]byte
	all.Grow(n * (len(prefix) + 12))
	subjects := make([]string, n)
	for i := range n {
		start := all.Len()
		all.WriteString(prefix)
		all.Write(strconv.AppendUint(digits[:0], flight, 36))
		all.WriteByte('.')
		all.Write(strconv.AppendUint(digits[:0], uint64(i), 36))
		subjects[i] = all.String()[start:]
	}
	return subjects
}
