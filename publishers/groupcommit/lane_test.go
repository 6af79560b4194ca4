package groupcommit_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers/groupcommit"
)

func TestALoneCallerCommitsAtOnce(t *testing.T) {
	t.Parallel()
	b := &broker{}
	l := lane(t, b, groupcommit.Options{})
	want(t, "answer", l.Publish(t.Context(), call("a", 2)), error(nil))
	want(t, "commits", b.allCommits(), [][]string{{"a0", "a1"}})
	want(t, "no messages", l.Publish(t.Context(), nil), error(nil))
}

func TestWhatComesDuringACommitIsTheNextOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &broker{gate: make(chan struct{})}
		var observed []int
		l := groupcommit.New(b, groupcommit.Options{Observe: func(n int, _ time.Duration) { observed = append(observed, n) }})
		var answers []<-chan error
		for _, name := range []string{"a", "b", "c", "d"} {
			answers = append(answers, publish(t.Context(), l, call(name, 2)))
			synctest.Wait()
		}
		close(b.gate)
		for _, answer := range answers {
			want(t, "answer", <-answer, error(nil))
		}
		want(t, "commits", b.allCommits(), [][]string{{"a0", "a1"}, {"b0", "b1", "c0", "c1", "d0", "d1"}})
		want(t, "close", l.Close(), error(nil))
		want(t, "observed", observed, []int{2, 6})
	})
}

func TestACommitIsBounded(t *testing.T) {
	t.Parallel()
	big := func(name string, n int) []bridge.Message {
		msgs := call(name, n)
		for i := range msgs {
			msgs[i].Value = make([]byte, 10_000)
		}
		return msgs
	}
	tests := map[string]struct {
		options groupcommit.Options
		calls   [][]bridge.Message // published while a commit of one message is under way
		commits [][]string
	}{
		"in messages": {
			groupcommit.Options{MaxMessages: 3},
			[][]bridge.Message{call("a", 1), call("b", 2), call("c", 1)},
			[][]string{{"a0", "b0", "b1"}, {"c0"}},
		},
		"and does not part a call that fits": {
			groupcommit.Options{MaxMessages: 3},
			[][]bridge.Message{call("a", 2), call("b", 2), call("c", 1)},
			[][]string{{"a0", "a1"}, {"b0", "b1", "c0"}},
		},
		"a larger call goes in several, in order": {
			groupcommit.Options{MaxMessages: 3},
			[][]bridge.Message{call("a", 2), call("b", 5), call("c", 1)},
			[][]string{{"a0", "a1", "b0"}, {"b1", "b2", "b3"}, {"b4", "c0"}},
		},
		"in bytes": {
			groupcommit.Options{MaxBytes: 22_000},
			[][]bridge.Message{big("a", 1), big("b", 1), big("c", 1), big("d", 3)},
			[][]string{{"a0", "b0"}, {"c0", "d0"}, {"d1", "d2"}},
		},
		"a message above the bound goes alone": {
			groupcommit.Options{MaxBytes: 5_000},
			[][]bridge.Message{call("a", 1), big("b", 2), call("c", 1)},
			[][]string{{"a0"}, {"b0"}, {"b1"}, {"c0"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &broker{gate: make(chan struct{})}
				l := groupcommit.New(b, test.options)
				answers := []<-chan error{publish(t.Context(), l, call("first", 1))}
				synctest.Wait()
				for _, msgs := range test.calls {
					answers = append(answers, publish(t.Context(), l, msgs))
					synctest.Wait()
				}
				close(b.gate)
				for _, answer := range answers {
					want(t, "answer", <-answer, error(nil))
				}
				want(t, "commits", b.allCommits()[1:], test.commits)
			})
		})
	}
}

func TestACallerWhoGivesUp(t *testing.T) {
	t.Parallel()
	t.Run("while queued never reaches the committer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := &broker{gate: make(chan struct{})}
			l := groupcommit.New(b, groupcommit.Options{})
			first := publish(t.Context(), l, call("a", 1))
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := l.Publish(ctx, call("b", 1))
			want(t, "kind", bridge.KindOf(err), bridge.KindTimeout)
			want(t, "is a deadline", errors.Is(err, context.DeadlineExceeded), true)
			last := publish(t.Context(), l, call("c", 1))
			synctest.Wait()
			close(b.gate)
			want(t, "first", <-first, error(nil))
			want(t, "last", <-last, error(nil))
			want(t, "stored", b.storedIDs(), []string{"a0", "c0"})
		})
	})
	t.Run("before the bytes are read waits for that", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := &broker{gate: make(chan struct{}), answer: make(chan error)}
			l := groupcommit.New(b, groupcommit.Options{})
			ctx, cancel := context.WithCancel(t.Context())
			answer := publish(ctx, l, call("a", 1))
			synctest.Wait()
			cancel()
			synctest.Wait()
			select {
			case err := <-answer:
				t.Fatalf("left while its bytes were being read: %v", err)
			default:
			}
			b.gate <- struct{}{}
			want(t, "kind", bridge.KindOf(<-answer), bridge.KindTimeout)
			b.answer <- nil
			want(t, "close", l.Close(), error(nil))
		})
	})
	t.Run("after the bytes are read does not wait for the answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := &broker{answer: make(chan error)}
			l := groupcommit.New(b, groupcommit.Options{})
			ctx, cancel := context.WithCancel(t.Context())
			msgs := call("a", 1)
			answer := publish(ctx, l, msgs)
			synctest.Wait()
			cancel()
			want(t, "kind", bridge.KindOf(<-answer), bridge.KindTimeout)
			copy(msgs[0].Value, "XX")
			b.answer <- nil
			want(t, "close", l.Close(), error(nil))
			want(t, "stored value", string(b.stored[0].Value), "a0")
		})
	})
	t.Run("is not in the commits that repeat the one it left", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := &broker{answer: make(chan error)}
			l := groupcommit.New(b, groupcommit.Options{})
			first := publish(t.Context(), l, call("a", 1))
			synctest.Wait()
			ctx, cancel := context.WithCancel(t.Context())
			left := publish(ctx, l, call("b", 1))
			synctest.Wait()
			mate := publish(t.Context(), l, call("c", 1))
			spoiler := publish(t.Context(), l, call("d", 1))
			synctest.Wait()
			b.answer <- nil // of a's commit
			want(t, "first", <-first, error(nil))
			synctest.Wait()
			cancel()
			want(t, "left", bridge.KindOf(<-left), bridge.KindTimeout)
			ids := b.allCommits()[1]
			b.answer <- &bridge.Error{Kind: bridge.KindTooLarge, Indexes: []int{indexOf(ids, "d0")}, Err: errTooLarge}
			want(t, "spoiler", bridge.KindOf(<-spoiler), bridge.KindTooLarge)
			b.answer <- nil
			want(t, "mate", <-mate, error(nil))
			want(t, "stored", b.storedIDs(), []string{"a0", "c0"})
		})
	})
	t.Run("before it begins gets an error", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		b := &broker{}
		want(t, "kind", bridge.KindOf(lane(t, b, groupcommit.Options{}).Publish(ctx, call("a", 1))), bridge.KindTimeout)
		want(t, "commits", len(b.allCommits()), 0)
	})
}

func indexOf(ids []string, id string) int {
	for i := range ids {
		if ids[i] == id {
			return i
		}
	}
	return -1
}

func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &broker{gate: make(chan struct{})}
		l := groupcommit.New(b, groupcommit.Options{})
		first := publish(t.Context(), l, call("a", 1))
		synctest.Wait()
		second := publish(t.Context(), l, call("b", 1))
		synctest.Wait()
		closed := make(chan error)
		go func() { closed <- l.Close() }()
		synctest.Wait()
		err := l.Publish(t.Context(), call("c", 1))
		want(t, "a call after Close", bridge.KindOf(err), bridge.KindUnavailable)
		close(b.gate)
		want(t, "close", <-closed, error(nil))
		want(t, "first", <-first, error(nil))
		want(t, "second", <-second, error(nil))
		want(t, "close again", l.Close(), error(nil))
		want(t, "stored", b.storedIDs(), []string{"a0", "b0"})
	})
}

func TestAFullQueueTurnsCallersAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &broker{gate: make(chan struct{})}
		l := groupcommit.New(b, groupcommit.Options{MaxQueued: 1000})
		large := call("a", 10) // more than the bound, but the queue is empty
		first := publish(t.Context(), l, large)
		synctest.Wait()
		second := publish(t.Context(), l, call("b", 1))
		synctest.Wait()
		err := l.Publish(t.Context(), call("c", 10))
		want(t, "kind", bridge.KindOf(err), bridge.KindUnavailable)
		close(b.gate)
		want(t, "first", <-first, error(nil))
		want(t, "second", <-second, error(nil))
	})
}

func TestNoByteIsTouchedAfterPublishReturned(t *testing.T) {
	t.Parallel()
	b := &broker{}
	l := lane(t, b, groupcommit.Options{MaxMessages: 7})
	done := make(chan struct{})
	for range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 200 {
				msgs := call("x", 3)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Microsecond)
				_ = l.Publish(ctx, msgs)
				cancel()
				for i := range msgs { // the race detector tells on who still reads
					copy(msgs[i].Value, bytes.Repeat([]byte{'!'}, len(msgs[i].Value)))
					msgs[i] = bridge.Message{}
				}
			}
		}()
	}
	for range 8 {
		<-done
	}
}
