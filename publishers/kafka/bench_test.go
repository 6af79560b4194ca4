package kafka_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
)

// BenchmarkPublish publishes arrays of 20 on a fake cluster of three brokers, which stores at once: it shows what the publisher
// itself costs. `make bench` has the real broker.
func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{1 << 10, 8 << 10} {
		for _, callers := range []int{1, 64} {
			for _, compression := range []kafka.Compression{kafka.CompressNone, kafka.CompressLZ4} {
				b.Run(fmt.Sprintf("%d bytes/%d callers/%s", size, callers, compression), func(b *testing.B) {
					f := startFake(b, 3, topics())
					p := openReady(b, f.publisherOptions(topics(), func(o *kafka.Options) { o.Compression = compression }))
					value := text(size)
					var made atomic.Int64
					b.SetParallelism(callers)
					b.ReportAllocs()
					b.SetBytes(int64(20 * size))
					b.RunParallel(func(pb *testing.PB) {
						msgs := make([]bridge.Message, 20)
						for pb.Next() {
							for i := range msgs {
								msgs[i] = event(fmt.Sprintf("%d-%d", made.Add(1), i))
								msgs[i].Value = value
							}
							mustPublish(b, p, msgs)
						}
					})
				})
			}
		}
	}
}

// text is about as compressible as an event.
func text(size int) []byte {
	value := make([]byte, 0, size)
	for i := 0; len(value) < size-60; i++ {
		value = fmt.Appendf(value, `{"name":"Ada Example","skill":"%x","since":%d},`, i*7919*i, i)
	}
	return value
}
