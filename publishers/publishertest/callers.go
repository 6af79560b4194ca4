package publishertest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"hrbridge/bridge"
)

func order(t *testing.T, h Harness) {
	l := open(t, h)
	var callers sync.WaitGroup
	for c := range 32 {
		callers.Go(func() {
			for range 10 {
				l.mustPublish(l.messages(fmt.Sprint("caller ", c), 7))
			}
		})
	}
	callers.Wait()
	l.check()
}

func sameID(t *testing.T, h Harness) {
	l := open(t, h)
	twice := l.messages("whole", 20)
	l.mustPublish(twice)
	l.mustPublish(twice)
	half := l.messages("half", 20)
	l.mustPublish(half[:5])
	l.mustPublish(half)
	once := l.messages("within a call", 1)
	l.mustPublish(append(slices.Clone(once), once...))
	l.mustPublish(slices.Concat(twice, once, l.messages("new", 5)))
	l.check()
}

func sameIDConcurrently(t *testing.T, h Harness) {
	l := open(t, h)
	repeated := l.messages("repeated", 10)
	var callers sync.WaitGroup
	for c := range 24 {
		callers.Go(func() {
			for range 5 {
				if c%3 == 0 {
					l.mustPublish(repeated)
				} else {
					l.mustPublish(l.messages(fmt.Sprint("caller ", c), 6))
				}
			}
		})
	}
	callers.Wait()
	l.check()
}

func tooLarge(t *testing.T, h Harness) {
	l := open(t, h)
	spoiled := l.messages("spoiled", 5)
	spoiled[3].Value = make([]byte, h.MaxMessage+1)
	wantTooLarge(t, l.publish(t.Context(), spoiled), 3)
	l.mustPublish(l.messages("after", 5))
	l.check()
	for _, m := range l.stored() {
		if m.ID == spoiled[3].ID {
			t.Error("the message that is too large is stored")
		}
	}
}

func ownAnswers(t *testing.T, h Harness) {
	l := open(t, h)
	var callers sync.WaitGroup
	for c := range 24 {
		callers.Go(func() {
			for n := range 8 {
				msgs := l.messages(fmt.Sprint("caller ", c), 4)
				if c%4 != 0 {
					l.mustPublish(msgs)
					continue
				}
				spoil := n % len(msgs)
				msgs[spoil].Value = make([]byte, h.MaxMessage+1)
				wantTooLarge(t, l.publish(t.Context(), msgs), spoil)
			}
		})
	}
	callers.Wait()
	l.check()
}

func wantTooLarge(t *testing.T, err error, index int) {
	t.Helper()
	e, ok := errors.AsType[*bridge.Error](err)
	if !ok || e.Kind != bridge.KindTooLarge || !slices.Equal(e.Indexes, []int{index}) {
		t.Errorf("got %v, want one too large at %d", err, index)
	}
}
