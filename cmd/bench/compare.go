package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"hrbridge/publishers/kafka/kafkatest"
)

// side is one of those that are compared on Kafka.
type side struct {
	name string
	run  runner
	got  []result
}

// compareOnKafka measures the bridge beside others on one real broker, arrays of 20 from 64 callers.
func (p *plan) compareOnKafka(out io.Writer) error {
	ctx := context.Background()
	var err error
	if p.kafka, err = startKafka(ctx); errors.Is(err, kafkatest.ErrNoJava) {
		fmt.Fprintf(out, "\nkafka is not measured: %v\n", err)
		return nil
	} else if err != nil {
		return err
	}
	defer p.kafka.stop()
	if _, err := runPerf()(ctx, p, "kafka", shape{1, 20, 1 << 10}); err != nil { // warms the broker up, too
		return fmt.Errorf("warm up: %w", err)
	}
	fmt.Fprint(out, "\n### kafka\n")
	for _, size := range []int{1 << 10, 8 << 10} {
		s := shape{64, 20, size}
		writer, err := p.bestWriter(ctx, s)
		if err != nil {
			return err
		}
		sides := []*side{
			{name: "hrbridge", run: runBridge},
			{name: "its publisher alone", run: runBareLoop},
			{name: sideWriter + ", " + writer.String(), run: runWriter(writer)},
			{name: sidePerf, run: runPerf()},
			{name: sidePerfLinger, run: runPerf("linger.ms=5")},
			{name: "hrbridge, again", run: runBridge},
		}
		if err := p.takeTurns(ctx, s, sides); err != nil {
			return err
		}
		fmt.Fprintf(out, "\n%s\n\n", s)
		fmt.Fprintln(out, "| | events/s | p50 | p99 | CPU/event | hrbridge ÷ this |")
		fmt.Fprintln(out, "| --- | ---: | ---: | ---: | ---: | ---: |")
		for _, other := range sides {
			fmt.Fprintln(out, other.row(sides[0]))
		}
	}
	return nil
}

// takeTurns runs each side once a round, so that what drifts, drifts for all.
func (p *plan) takeTurns(ctx context.Context, s shape, sides []*side) error {
	for range p.rounds {
		for _, one := range sides {
			r, err := one.run(ctx, p, "kafka", s)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", one.name, s, err)
			}
			one.got = append(one.got, r)
		}
	}
	return nil
}

func (one *side) row(bridge *side) string {
	m := median(one.got)
	ratios := make([]float64, len(one.got))
	for i := range one.got {
		ratios[i] = bridge.got[i].events / one.got[i].events
	}
	slices.Sort(ratios)
	p50, p99 := "–", "–" // Kafka's own program hands over more than it can send, and its latency is that of its own queue
	if m.latency.P99 > 0 {
		p50, p99 = short(m.latency.P50), short(m.latency.P99)
	}
	ratio := fmt.Sprintf("**%.2f** (%.2f–%.2f)", ratios[(len(ratios)-1)/2], ratios[0], ratios[len(ratios)-1])
	if one == bridge {
		ratio = ""
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |", one.name, thousands(m.events), p50, p99, short(max(m.cpu, time.Microsecond)), ratio)
}
