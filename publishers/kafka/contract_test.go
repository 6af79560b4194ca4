package kafka_test

import (
	"context"
	"testing"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
	"hrbridge/publishers/kafka/kafkatest"
	"hrbridge/publishers/publishertest"
)

func TestTheContractIsKeptOnAFakeCluster(t *testing.T) {
	for name, change := range map[string]func(*kafka.Options){
		"idempotent":     func(*kafka.Options) {},
		"not idempotent": func(o *kafka.Options) { o.Idempotent, o.Compression = false, kafka.CompressNone },
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, 3, publishertest.Topics())
			keepsTheContract(t, f.publisherOptions(publishertest.Topics(), change),
				func(testing.TB) { f.net.set(refusing) }, func(testing.TB) { f.net.set(passing) })
		})
	}
}

func TestTheContractIsKeptOnARealBroker(t *testing.T) {
	c := kafkatest.Start(t, kafkatest.Options{})
	keepsTheContract(t, optionsFor(c.Brokers(), publishertest.Topics()), c.Stop, c.Start)
}

func keepsTheContract(t *testing.T, o kafka.Options, stop, start func(testing.TB)) {
	var starts map[partition]int64 // what tests before stored only makes reading slower
	publishertest.Run(t, publishertest.Harness{
		Open: func(t testing.TB) publishertest.Publisher {
			starts = offsets(t, o.Brokers, publishertest.Topics()...)
			p, err := kafka.Open(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
		ReadAll: func(t testing.TB, topics ...string) []bridge.Message {
			return messages(t, readFrom(t, starts, o.Brokers, topics...))
		},
		MaxMessage: bridge.MaxMessage,
		Stop:       stop,
		Start:      start,
	})
}
