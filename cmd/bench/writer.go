package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// The sides of a cell that only Kafka has.
const (
	sidePerf       = "producer-perf"
	sidePerfLinger = "producer-perf, linger 5 ms"
	sideWriter     = "kafka.Writer"
)

// javaWarmUp is what a Java program gets beyond the warm-up of others, until its compiler is done with it.
const javaWarmUp = 4 * time.Second

// runPerf measures Kafka's own program with events of the load as its records: acks=all, else its defaults or with a linger.
func runPerf(properties ...string) runner {
	return func(ctx context.Context, p *plan, broker string, s shape) (result, error) {
		site, err := p.newSite(ctx, broker)
		if err != nil {
			return result{}, err
		}
		defer site.close()
		payloads := filepath.Join(site.dir, "payloads")
		if err := writePayloads(payloads, s); err != nil {
			return result{}, err
		}
		args := append([]string{
			"--topic", perfTopic, "--num-records", "1000000000", "--throughput", "-1", "--payload-file", payloads,
			"--producer-props", "bootstrap.servers=" + site.addr, "acks=all",
		}, properties...)
		cmd := p.kafka.cluster.Command(ctx, "org.apache.kafka.tools.ProducerPerformance", args...)
		pid, _, err := site.startCommand(cmd)
		if err != nil {
			return result{}, err
		}
		longer := *p
		longer.warmUp += javaWarmUp
		r, err := site.count(&longer, pid, func(time.Time) {})
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, site.log.String())
		}
		return r, err
	}
}

func writePayloads(file string, s shape) error {
	events, err := s.makeEvents(1)
	if err != nil {
		return err
	}
	return os.WriteFile(file, bytes.Join(events, []byte("\n")), 0o600)
}

// runWriter measures kafka.Writer: each caller hands it an array and waits until all of it is acknowledged.
func runWriter(setting writerSetting) runner {
	return func(ctx context.Context, p *plan, broker string, s shape) (result, error) {
		return p.runChild(ctx, broker, s, "writer", "-batch", strconv.Itoa(setting.batch), "-timeout", setting.timeout.String())
	}
}

// writerSetting is what of a Writer decides how it batches.
type writerSetting struct {
	batch   int
	timeout time.Duration
}

func (w writerSetting) String() string {
	return fmt.Sprintf("BatchTimeout %v, BatchSize %d", w.timeout, w.batch)
}

// writerSettings are those that are tried: the best is measured.
func writerSettings() []writerSetting {
	return []writerSetting{
		{100, time.Millisecond}, {100, 5 * time.Millisecond}, {100, 10 * time.Millisecond}, {1000, time.Millisecond}, {1000, 10 * time.Millisecond},
	}
}

// bestWriter tries each setting once.
func (p *plan) bestWriter(ctx context.Context, s shape) (writerSetting, error) {
	var best writerSetting
	most := 0.0
	for _, setting := range writerSettings() {
		r, err := runWriter(setting)(ctx, p, "kafka", s)
		if err != nil {
			return best, fmt.Errorf("%s: %w", setting, err)
		}
		if r.events > most {
			best, most = setting, r.events
		}
	}
	return best, nil
}

// runWriterChild writes the messages of a load with a Writer until it is told to stop, and prints how long each call took.
func runWriterChild(args []string) error {
	flags := flag.NewFlagSet("writer", flag.ContinueOnError)
	addr := flags.String("broker", "", "")
	_ = flags.String("dir", "", "")
	batch := flags.Int("batch", 100, "")
	timeout := flags.Duration("timeout", time.Millisecond, "")
	l := loopFlags(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	w := &kafkago.Writer{
		Addr: kafkago.TCP(*addr), Balancer: kafkago.Murmur2Balancer{}, RequiredAcks: kafkago.RequireAll,
		BatchSize: *batch, BatchTimeout: *timeout, BatchBytes: 1 << 20, Compression: kafkago.Lz4,
	}
	took, err := l.run(func(ctx context.Context, seed int, begin time.Time) ([]time.Duration, error) {
		return l.write(ctx, w, seed, begin)
	})
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(quantiles(took))
}

func (l *loop) write(ctx context.Context, w *kafkago.Writer, seed int, begin time.Time) ([]time.Duration, error) {
	events, err := l.makeEvents(uint64(seed))
	if err != nil {
		return nil, err
	}
	types := eventTypes()
	msgs := make([]kafkago.Message, len(events))
	var took []time.Duration
	for n := 0; ctx.Err() == nil; n++ {
		now, keys := time.Now(), l.keys(uint64(seed), uint64(n))
		for i := range msgs {
			msgs[i] = kafkago.Message{Topic: types[i%len(types)], Key: []byte(keys[i]), Value: events[i], Headers: []kafkago.Header{
				{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: fmt.Appendf(nil, "%08x%016x%08x", seed, n, i)},
				{Key: "ce_source", Value: []byte("/hrflow/hrflow")}, {Key: "ce_type", Value: []byte(types[i%len(types)])},
				{Key: "ce_time", Value: now.AppendFormat(nil, time.RFC3339Nano)}, {Key: "ce_subject", Value: []byte(keys[i])},
				{Key: "content-type", Value: []byte("application/json")},
			}}
		}
		if err := w.WriteMessages(context.WithoutCancel(ctx), msgs...); err != nil {
			return nil, err
		}
		if now.After(begin) {
			took = append(took, time.Since(now))
		}
	}
	return took, nil
}
