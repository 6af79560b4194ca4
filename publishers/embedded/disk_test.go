package embedded_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers/embedded"
)

func TestADiskNearlyFullStopsPublishingUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.MinFree = 100 << 20
	var free atomic.Int64
	free.Store(1 << 30)
	broken := errors.New("no such disk")
	b, err := embedded.OpenWithDisk(t.Context(), o, func(string) (int64, error) {
		if n := free.Load(); n >= 0 {
			return n, nil
		}
		return 0, broken
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeBroker(t, b) })
	publish(t, b, messages("before", 3))

	free.Store(99 << 20)
	await(t, "not ready", func() bool { return bridge.KindOf(b.Ready(t.Context())) == bridge.KindFull })
	wantText(t, b.Ready(t.Context()), "99 MiB are free", "100 MiB have to stay free", "make room")
	if err := b.Publish(t.Context(), messages("full", 3)); bridge.KindOf(err) != bridge.KindFull {
		t.Errorf("Publish on a full disk: %v", err)
	}
	if err := b.Publish(t.Context(), nil); err != nil {
		t.Errorf("Publish of nothing: %v", err)
	}

	free.Store(-1)
	await(t, "unknown", func() bool { return errors.Is(b.Ready(t.Context()), broken) })

	free.Store(1 << 30)
	await(t, "ready", func() bool { return b.Ready(t.Context()) == nil })
	publish(t, b, messages("after", 3))
	wantStored(t, b, messages("before", 3), messages("after", 3))
}

func TestTheStoreIsBoundedByItsLimitBeforeTheDiskIsFull(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.MaxStore = 1 << 20
	b := open(t, o)
	large := messages("large", 40)
	for i := range large {
		large[i].Value = make([]byte, 100_000)
	}
	var err error
	stored := 0
	for ; stored < len(large) && err == nil; stored++ {
		err = b.Publish(t.Context(), large[stored:stored+1])
	}
	if kind := bridge.KindOf(err); kind != bridge.KindFull {
		t.Errorf("after %d messages of 100 kB: %v, want full", stored, err)
	}
	if b.Ready(t.Context()) == nil {
		t.Error("ready with a full store")
	}
	wantStored(t, b, large[:stored-1])
}

func await(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !reached(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never %s", what)
		}
	}
}
