package groupcommit_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers/groupcommit"
)

// gathered publishes calls so that one commit has all of them, and returns their answers.
func gathered(t *testing.T, c groupcommit.Committer, b *broker, o groupcommit.Options, calls ...[]bridge.Message) []error {
	t.Helper()
	b.gate = make(chan struct{})
	l := groupcommit.New(c, o)
	first := publish(t.Context(), l, call("first", 1))
	synctest.Wait()
	var answers []<-chan error
	for _, msgs := range calls {
		answers = append(answers, publish(t.Context(), l, msgs))
		synctest.Wait()
	}
	close(b.gate)
	want(t, "first", <-first, error(nil))
	errs := make([]error, len(answers))
	for i := range answers {
		errs[i] = <-answers[i]
	}
	want(t, "close", l.Close(), error(nil))
	return errs
}

func TestAMessageTooLargeFailsItsCallAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &broker{tooLarge: 100}
		spoiled := call("b", 4)
		spoiled[1].Value, spoiled[3].Value = make([]byte, 101), make([]byte, 101)
		errs := gathered(t, b, b, groupcommit.Options{}, call("a", 2), spoiled, call("c", 2))
		want(t, "mates", []error{errs[0], errs[2]}, []error{nil, nil})
		e, ok := errors.AsType[*bridge.Error](errs[1])
		if !ok || e.Kind != bridge.KindTooLarge || !errors.Is(e, errTooLarge) {
			t.Fatalf("got %v, want a too large one", errs[1])
		}
		want(t, "its own indexes", e.Indexes, []int{1, 3})
		want(t, "stored", b.storedIDs(), []string{"first0", "a0", "a1", "c0", "c1"})
	})
}

func TestIndexesOfALaterPartCountFromTheCallsBeginning(t *testing.T) {
	t.Parallel()
	b := &broker{tooLarge: 100}
	msgs := call("a", 8)
	msgs[4].Value = make([]byte, 101)
	err := lane(t, b, groupcommit.Options{MaxMessages: 3}).Publish(t.Context(), msgs)
	e, ok := errors.AsType[*bridge.Error](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	want(t, "indexes", e.Indexes, []int{4})
	want(t, "nothing follows the part that failed", b.storedIDs(), []string{"a0", "a1", "a2"})
}

func TestAFailureOfTheCommitFailsEveryCallInIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &broker{answer: make(chan error, 3)}
		b.answer <- nil
		b.answer <- &bridge.Error{Kind: bridge.KindFull, Op: "commit"}
		b.answer <- errors.New("of no kind")
		errs := gathered(t, b, b, groupcommit.Options{MaxMessages: 2}, call("a", 1), call("b", 1), call("c", 1))
		want(t, "first mate", bridge.KindOf(errs[0]), bridge.KindFull)
		want(t, "second mate", bridge.KindOf(errs[1]), bridge.KindFull)
		if e, ok := errors.AsType[*bridge.Error](errs[2]); !ok || e.Kind != bridge.KindInternal {
			t.Errorf("an error of no kind: got %v", errs[2])
		}
	})
}

func TestARefusalAsAWholeIsSplitUntilEveryCallHasItsAnswer(t *testing.T) {
	t.Parallel()
	calls := func() [][]bridge.Message {
		return [][]bridge.Message{call("a", 2), call("first", 3), call("b", 2), call("c", 1), call("b", 2)}
	}
	t.Run("a repeat counts as stored", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := &broker{atomic: true}
			errs := gathered(t, piecemeal{b}, b, groupcommit.Options{}, calls()...)
			want(t, "answers", errs, make([]error, 5))
			want(t, "stored", b.storedIDs(), []string{"first0", "a0", "a1", "first1", "first2", "b0", "b1", "c0"})
		})
	})
	t.Run("and fails alone where the committer cannot do it message by message", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := &broker{atomic: true}
			errs := gathered(t, b, b, groupcommit.Options{}, calls()...)
			for i, err := range errs {
				if repeat := i == 1 || i == 4; repeat != errors.Is(err, groupcommit.ErrSplit) || repeat != (err != nil) {
					t.Errorf("call %d: got %v", i, err)
				}
			}
			want(t, "stored", b.storedIDs(), []string{"first0", "a0", "a1", "b0", "b1", "c0"})
		})
	})
}

func TestACommitEndsAtItsTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &broker{answer: make(chan error)}
		l := groupcommit.New(b, groupcommit.Options{Timeout: 5 * time.Second})
		start := time.Now()
		want(t, "kind", bridge.KindOf(l.Publish(t.Context(), call("a", 1))), bridge.KindTimeout)
		want(t, "after", time.Since(start), 5*time.Second)
	})
}

func TestAPanicOfTheCommitterIsAnErrorWithoutContent(t *testing.T) {
	t.Parallel()
	err := lane(t, &broker{panics: true}, groupcommit.Options{}).Publish(t.Context(), call("a", 1))
	want(t, "kind", bridge.KindOf(err), bridge.KindInternal)
	want(t, "text", fmt.Sprint(err), "commit: the committer panicked with a string")
}
