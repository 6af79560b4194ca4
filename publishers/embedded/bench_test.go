package embedded_test

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"
)

// BenchmarkPublish counts events that are durable: the server syncs every commit.
func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{1 << 10, 8 << 10} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("20 x %d KiB, %d callers", size>>10, callers), func(b *testing.B) {
				o := options(b)
				o.Listen = ""
				broker := open(b, o)
				value := bytes.Repeat([]byte("x"), size)
				var calls atomic.Int64
				b.SetBytes(int64(20 * size))
				b.ReportAllocs()
				work := make(chan struct{}, b.N)
				for range b.N {
					work <- struct{}{}
				}
				close(work)
				done := make(chan struct{})
				b.ResetTimer()
				for range callers {
					go func() {
						defer func() { done <- struct{}{} }()
						for range work {
							msgs := messages(fmt.Sprint("call ", calls.Add(1), " "), 20)
							for i := range msgs {
								msgs[i].Value = value
							}
							if err := broker.Publish(b.Context(), msgs); err != nil {
								b.Error(err)
							}
						}
					}()
				}
				for range callers {
					<-done
				}
				b.ReportMetric(float64(20*b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}
