package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"hrbridge/bridge"
	"hrbridge/publishers"
	"hrbridge/publishers/embedded"
	"hrbridge/publishers/kafka"
	"hrbridge/publishers/nats"
)

// runBroker is a NATS server as an operator has one: JetStream on files, syncing at its own pace.
func runBroker(args []string) error {
	flags := flag.NewFlagSet("broker", flag.ContinueOnError)
	port := flags.Int("port", 0, "")
	dir := flags.String("dir", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: *port, JetStream: true, StoreDir: *dir, NoSigs: true, NoLog: true})
	if err != nil {
		return err
	}
	s.Start()
	<-stopped().Done()
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}

func stopped() context.Context {
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	return ctx
}

// publisherOptions are those of the bridge's own defaults.
func publisherOptions(name, brokerAddr, dir string) publishers.Options {
	subjects := bridge.DefaultFanoutOptions().StreamSubjects()
	o := publishers.Options{Name: name, NATS: nats.Defaults(), Embedded: embedded.Defaults()}
	o.NATS.URL, o.NATS.Stream.Subjects = "nats://"+brokerAddr, subjects
	o.NATS.Log, o.NATS.Metrics = zap.NewNop(), prometheus.NewRegistry()
	o.Embedded.DataDir, o.Embedded.Listen, o.Embedded.Stream.Subjects = dir, brokerAddr, subjects
	o.Embedded.Log, o.Embedded.Metrics = zap.NewNop(), prometheus.NewRegistry()
	o.Kafka = kafka.Defaults()
	o.Kafka.Brokers, o.Kafka.Topics.Names = []string{brokerAddr}, eventTypes()
	o.Kafka.Log, o.Kafka.Metrics = zap.NewNop(), prometheus.NewRegistry()
	return o
}

// loop is a bare loop without HTTP, signature or JSON: a shape of load that runs until it is told to stop.
type loop struct {
	shape
	warmUp time.Duration
}

// loopFlags are those of every bare loop.
func loopFlags(flags *flag.FlagSet) *loop {
	l := new(loop)
	flags.DurationVar(&l.warmUp, "warm-up", 0, "")
	flags.IntVar(&l.callers, "callers", 1, "")
	flags.IntVar(&l.events, "events", 1, "")
	flags.IntVar(&l.size, "size", 1, "")
	return l
}

// run has all callers call until it is told to stop, and returns how long each call took that began after the warm-up.
func (l *loop) run(call func(ctx context.Context, seed int, begin time.Time) ([]time.Duration, error)) ([]time.Duration, error) {
	ctx, begin := stopped(), time.Now().Add(l.warmUp)
	var (
		mu   sync.Mutex
		took []time.Duration
		all  errgroup.Group
	)
	for i := range l.callers {
		all.Go(func() error {
			mine, err := call(ctx, i+1, begin)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			return err
		})
	}
	err := all.Wait()
	return took, err
}

// runBare publishes the messages of a load by a bare loop and prints how long each call took.
func runBare(args []string) error {
	flags := flag.NewFlagSet("bare", flag.ContinueOnError)
	name := flags.String("publisher", "", "")
	addr := flags.String("broker", "", "")
	dir := flags.String("dir", "", "")
	l := loopFlags(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	p, err := publishers.Open(context.Background(), publisherOptions(*name, *addr, *dir))
	if err != nil {
		return err
	}
	for p.Ready(context.Background()) != nil {
		time.Sleep(10 * time.Millisecond)
	}
	took, err := l.run(func(ctx context.Context, seed int, begin time.Time) ([]time.Duration, error) {
		return l.publish(ctx, p, seed, begin)
	})
	if err := errors.Join(err, p.Close()); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(quantiles(took))
}

func (s shape) publish(ctx context.Context, p bridge.Publisher, seed int, begin time.Time) ([]time.Duration, error) {
	events, err := s.makeEvents(uint64(seed))
	if err != nil {
		return nil, err
	}
	types := eventTypes()
	msgs := make([]bridge.Message, len(events))
	var took []time.Duration
	for n := 0; ctx.Err() == nil; n++ {
		now, keys := time.Now(), s.keys(uint64(seed), uint64(n))
		for i := range msgs {
			eventType := types[i%len(types)]
			msgs[i] = bridge.Message{
				ID: fmt.Sprintf("%08x%016x%08x", seed, n, i), Topic: eventType, Key: keys[i],
				Source: "/hrflow/hrflow", Type: eventType, Time: now, Value: events[i],
			}
		}
		if err := p.Publish(context.WithoutCancel(ctx), msgs); err != nil {
			return nil, err
		}
		if now.After(begin) {
			took = append(took, time.Since(now))
		}
	}
	return took, nil
}

// latency is how long calls took.
type latency struct{ P50, P99 time.Duration }

func quantiles(took []time.Duration) latency {
	if len(took) == 0 {
		return latency{}
	}
	slices.Sort(took)
	return latency{P50: took[len(took)/2], P99: took[len(took)*99/100]}
}
