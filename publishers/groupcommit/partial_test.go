package groupcommit_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"hrbridge/bridge"
	"hrbridge/publishers/groupcommit"
)

// partitioned stores all but what refuse names, one commit after the other.
type partitioned struct {
	*broker
	refuse map[string]bridge.Kind
}

func (p partitioned) Commit(ctx context.Context, msgs []bridge.Message, sent func()) error {
	var partial groupcommit.Partial
	var taken []bridge.Message
	for i, m := range msgs {
		if kind, ok := p.refuse[m.ID]; ok {
			partial = append(partial, &bridge.Error{Kind: kind, Op: "commit", Indexes: []int{i}})
		} else {
			taken = append(taken, m)
		}
	}
	if err := p.broker.Commit(ctx, taken, sent); err != nil || partial == nil {
		return err
	}
	return partial
}

func TestWhatIsDurableOfAPartialCommitIsNotCommittedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &broker{}
		p := partitioned{b, map[string]bridge.Kind{"b1": bridge.KindTooLarge, "b2": bridge.KindRefused, "d0": bridge.KindFull}}
		errs := gathered(t, p, b, groupcommit.Options{}, call("a", 2), call("b", 4), call("c", 1), call("d", 2))
		want(t, "mates", []error{errs[0], errs[2]}, []error{nil, nil})
		for i, row := range map[int]struct {
			kind    bridge.Kind
			indexes []int
		}{1: {bridge.KindTooLarge, []int{1}}, 3: {bridge.KindFull, []int{0}}} {
			e, ok := errors.AsType[*bridge.Error](errs[i])
			if !ok || e.Kind != row.kind || !slices.Equal(e.Indexes, row.indexes) {
				t.Errorf("call %d got %v, want %v of %v", i, errs[i], row.kind, row.indexes)
			}
		}
		want(t, "commits", len(b.allCommits()), 2)
		want(t, "stored", b.storedIDs(), []string{"first0", "a0", "a1", "b0", "b3", "c0", "d1"})
	})
}

func TestAPartialFailureNamesWhatWasNeverCommitted(t *testing.T) {
	t.Parallel()
	b := &broker{}
	p := partitioned{b, map[string]bridge.Kind{"a3": bridge.KindUnavailable}}
	err := lane(t, p, groupcommit.Options{MaxMessages: 3}).Publish(t.Context(), call("a", 8))
	e, ok := errors.AsType[*bridge.Error](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	want(t, "indexes", e.Indexes, []int{3, 6, 7})
	want(t, "stored", b.storedIDs(), []string{"a0", "a1", "a2", "a4", "a5"})
}
