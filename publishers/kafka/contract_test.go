package kafka_test

import (
	"context"
	"testing"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
	"hrbridge/publishers/publishertest"
)

func TestTheContractIsKeptOnAFakeCluster(t *testing.T) {
	for name, change := range map[string]func(*kafka.Options){
		"idempotent":     func(*kafka.Options) {},
		"not idempotent": func(o *kafka.Options) { o.Idempotent, o.Compression = false, kafka.CompressNone },
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, 3, publishertest.Topics())
			var starts map[partition]int64 // what tests before stored only makes reading slower
			publishertest.Run(t, publishertest.Harness{
				Open: func(t testing.TB) publishertest.Publisher {
					starts = offsets(t, f.ListenAddrs(), publishertest.Topics()...)
					p, err := kafka.Open(context.Background(), f.publisherOptions(publishertest.Topics(), change))
					if err != nil {
						t.Fatal(err)
					}
					return p
				},
				ReadAll: func(t testing.TB, topics ...string) []bridge.Message {
					return messages(t, readFrom(t, starts, f.ListenAddrs(), topics...))
				},
				MaxMessage: bridge.MaxMessage,
				Stop:       func(testing.TB) { f.net.set(refusing) },
				Start:      func(testing.TB) { f.net.set(passing) },
			})
		})
	}
}
