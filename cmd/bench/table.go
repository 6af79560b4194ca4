package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"hrbridge/publishers"
)

// cell is one shape on one broker: rounds of the bridge, the bare loop, and the bridge again.
type cell struct{ bridge, bare, again []result }

func (p *plan) run(out io.Writer) error {
	for broker := range strings.SplitSeq(p.brokers, ",") {
		if broker == publishers.Kafka {
			if err := p.compareOnKafka(out); err != nil {
				return fmt.Errorf("%s: %w", broker, err)
			}
			continue
		}
		fmt.Fprintf(out, "\n### %s\n\n", broker)
		fmt.Fprintln(out, "| callers × events × size | bridge events/s | p50 | p99 | CPU/event | publisher alone events/s | p50 | p99 | CPU/event | bridge ÷ alone | noise |")
		fmt.Fprintln(out, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
		for _, s := range shapes(p.quick) {
			c, err := p.measureCell(broker, s)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", broker, s, err)
			}
			fmt.Fprintln(out, c.row(s))
		}
	}
	return nil
}

// measureCell takes turns, so that what drifts, drifts for both.
func (p *plan) measureCell(broker string, s shape) (cell, error) {
	var c cell
	for range p.rounds {
		for _, side := range []struct {
			run runner
			to  *[]result
		}{{runBridge, &c.bridge}, {runBareLoop, &c.bare}, {runBridge, &c.again}} {
			r, err := side.run(context.Background(), p, broker, s)
			if err != nil {
				return cell{}, err
			}
			*side.to = append(*side.to, r)
		}
	}
	return c, nil
}

func (c cell) row(s shape) string {
	a, b := median(append(slices.Clone(c.bridge), c.again...)), median(c.bare)
	ratios, noise := make([]float64, len(c.bare)), make([]float64, len(c.bare))
	for i := range c.bare {
		ratios[i] = (c.bridge[i].events + c.again[i].events) / 2 / c.bare[i].events
		noise[i] = c.again[i].events / c.bridge[i].events
	}
	slices.Sort(ratios)
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s | %s | %s | **%.2f** (%.2f–%.2f) | %.2f–%.2f |", s,
		thousands(a.events), short(a.latency.P50), short(a.latency.P99), short(a.cpu),
		thousands(b.events), short(b.latency.P50), short(b.latency.P99), short(b.cpu),
		ratios[(len(ratios)-1)/2], ratios[0], ratios[len(ratios)-1], slices.Min(noise), slices.Max(noise))
}

// median is the median of each figure.
func median(all []result) result {
	of := func(figure func(result) float64) float64 {
		v := make([]float64, len(all))
		for i, r := range all {
			v[i] = figure(r)
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	return result{
		events: of(func(r result) float64 { return r.events }),
		cpu:    time.Duration(of(func(r result) float64 { return float64(r.cpu) })),
		latency: latency{
			P50: time.Duration(of(func(r result) float64 { return float64(r.latency.P50) })),
			P99: time.Duration(of(func(r result) float64 { return float64(r.latency.P99) })),
		},
	}
}

func thousands(n float64) string {
	if n >= 1000 {
		return fmt.Sprintf("%.1f k", n/1000)
	}
	return fmt.Sprintf("%.0f", n)
}

func short(d time.Duration) string {
	if d >= time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.0f µs", float64(d)/float64(time.Microsecond))
}
