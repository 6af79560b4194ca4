package groupcommit_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"hrbridge/bridge"
	"hrbridge/publishers/groupcommit"
)

type discard struct{}

func (discard) Commit(context.Context, []bridge.Message, func()) error { return nil }

func BenchmarkLane(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d callers", callers), func(b *testing.B) {
			l := groupcommit.New(discard{}, groupcommit.Options{})
			msgs := slices.Repeat(call("a", 1), 20)
			b.ReportAllocs()
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := l.Publish(b.Context(), msgs); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
