package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"hrbridge/publishers/kafka/kafkatest"
)

// perfTopic is where Kafka's own program puts its records: it knows one topic only, so that one has all the partitions.
const perfTopic = "bench.perf"

// kafkaBroker is a real Apache Kafka, one broker that all runs have in common, and the store that they count in.
type kafkaBroker struct {
	cluster *kafkatest.Cluster
	dir     string
	admin   *kadm.Client
}

func startKafka(ctx context.Context) (*kafkaBroker, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	cluster, err := kafkatest.Open(ctx, kafkatest.Options{Dir: dir, Lasting: true})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	k := &kafkaBroker{cluster: cluster, dir: dir}
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Addresses()...))
	if err != nil {
		k.stop()
		return nil, err
	}
	k.admin = kadm.NewClient(client)
	of := map[string]int32{perfTopic: int32(len(eventTypes()) * partitions)}
	for _, topic := range eventTypes() {
		of[topic] = partitions
	}
	for topic, n := range of {
		if _, err := k.admin.CreateTopic(ctx, n, 1, nil, topic); err != nil {
			k.stop()
			return nil, fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) { // the topics are made when they have leaders
		if _, err := k.stored(ctx); err == nil {
			return k, nil
		} else if time.Now().After(deadline) {
			k.stop()
			return nil, err
		}
	}
}

// partitions of each topic: what the bridge makes by default.
const partitions = 6

func (k *kafkaBroker) topics() []string { return append(eventTypes(), perfTopic) }

// stored is the sum of the ends of all partitions.
func (k *kafkaBroker) stored(ctx context.Context) (uint64, error) {
	ends, err := k.admin.ListEndOffsets(ctx, k.topics()...)
	if err != nil {
		return 0, err
	}
	var n uint64
	ends.Each(func(end kadm.ListedOffset) { n += uint64(max(end.Offset, 0)) })
	return n, ends.Error()
}

// close ends a run: what it stored makes room for the next one's.
func (k *kafkaBroker) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if ends, err := k.admin.ListEndOffsets(ctx, k.topics()...); err == nil {
		_, _ = k.admin.DeleteRecords(ctx, ends.Offsets())
	}
}

// stop ends the broker.
func (k *kafkaBroker) stop() {
	if k.admin != nil {
		k.admin.Close()
	}
	k.cluster.Close()
	_ = os.RemoveAll(k.dir)
}
