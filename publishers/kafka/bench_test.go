package kafka_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
	"hrbridge/publishers/kafka/kafkatest"
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
					publishArrays(b, p, callers, size)
				})
			}
		}
	}
}

// publishArrays publishes arrays of 20 from so many callers at once.
func publishArrays(b *testing.B, p *kafka.Publisher, callers, size int) {
	b.Helper()
	values := make([][]byte, 97)
	for i := range values {
		values[i] = text(size, uint64(i))
	}
	var made atomic.Int64
	b.SetParallelism(max(callers/runtime.GOMAXPROCS(0), 1))
	b.ReportAllocs()
	b.SetBytes(int64(20 * size))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		msgs := make([]bridge.Message, 20)
		for pb.Next() {
			for i := range msgs {
				msgs[i] = event(fmt.Sprintf("%d-%d", made.Add(1), i))
				msgs[i].Value = values[made.Load()%97]
			}
			mustPublish(b, p, msgs)
		}
	})
	b.ReportMetric(float64(20*b.N)/b.Elapsed().Seconds(), "events/s")
}

// text is about as compressible as an event: names and words, much of which never comes again.
func text(size int, seed uint64) []byte {
	chance := rand.New(rand.NewPCG(seed, 1))
	value := make([]byte, 0, size)
	for len(value) < size-60 {
		value = fmt.Appendf(value, `{"name":"Ada Example","skill":"%x","since":%d},`, chance.Uint64()>>(chance.IntN(5)*8), 1990+chance.IntN(35))
	}
	return value
}

// BenchmarkPublishOnARealBroker is the same on a Kafka, a process of its own on this machine.
func BenchmarkPublishOnARealBroker(b *testing.B) {
	c := kafkatest.Start(b, kafkatest.Options{})
	for _, size := range []int{1 << 10, 8 << 10} {
		for _, compression := range kafka.Compressions() {
			b.Run(fmt.Sprintf("%d bytes/64 callers/%s", size, compression), func(b *testing.B) {
				p := openReady(b, optionsFor(c.Brokers(), topics(), func(o *kafka.Options) { o.Compression = compression }))
				publishArrays(b, p, 64, size)
			})
		}
	}
}
