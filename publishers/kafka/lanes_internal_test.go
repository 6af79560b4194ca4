package kafka

import (
	"errors"
	"slices"
	"testing"

	"hrbridge/bridge"
)

func TestOfSeveralErrorsTheWorstIsTold(t *testing.T) {
	t.Parallel()
	failed := func(kind bridge.Kind, indexes ...int) *bridge.Error {
		return &bridge.Error{Kind: kind, Op: "test", Indexes: indexes, Err: errors.New("test")}
	}
	repeat := func(indexes ...int) *bridge.Error {
		e := failed(bridge.KindUnavailable, indexes...)
		e.Err = &repeatable{e.Err}
		return e
	}
	for name, row := range map[string]struct {
		errs    []*bridge.Error
		kind    bridge.Kind
		indexes []int
		again   bool
	}{
		"repeats alone are all repeated":    {[]*bridge.Error{repeat(4, 5), repeat(1)}, bridge.KindUnavailable, []int{1, 4, 5}, true},
		"a failure for good beats a repeat": {[]*bridge.Error{repeat(4), failed(bridge.KindTimeout, 2)}, bridge.KindTimeout, []int{2}, false},
		"what never goes beats what may":    {[]*bridge.Error{failed(bridge.KindTimeout, 2), failed(bridge.KindRefused, 3), repeat(1)}, bridge.KindRefused, []int{3}, false},
		"too large names all":               {[]*bridge.Error{failed(bridge.KindTooLarge, 9), failed(bridge.KindRefused, 3), failed(bridge.KindTooLarge, 2)}, bridge.KindTooLarge, []int{2, 9}, false},
		"all of a call stays all":           {[]*bridge.Error{failed(bridge.KindTimeout), failed(bridge.KindTimeout, 2)}, bridge.KindTimeout, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := worst(row.errs)
			if got.Kind != row.kind || !slices.Equal(got.Indexes, row.indexes) || isRepeatable(got) != row.again {
				t.Errorf("got %v of kind %v with %v", got, got.Kind, got.Indexes)
			}
		})
	}
	if worst(nil) != nil {
		t.Error("no errors are one")
	}
}
