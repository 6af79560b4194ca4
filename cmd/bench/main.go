package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

// plan is what to measure, and how thoroughly.
type plan struct {
	binary  string
	brokers string
	quick   bool
	measure time.Duration
	warmUp  time.Duration
	rounds  int
	kafka   *kafkaBroker // nil where Kafka is not measured
}

func main() {
	// The broker and the bare loops run in processes of their own, which are this program again.
	children := map[string]func([]string) error{"broker": runBroker, "bare": runBare, "writer": runWriterChild}
	if len(os.Args) > 1 && children[os.Args[1]] != nil {
		exit(children[os.Args[1]](os.Args[2:]))
	}
	var p plan
	flag.StringVar(&p.binary, "binary", "bin/hrbridge", "the hrbridge to measure")
	flag.StringVar(&p.brokers, "brokers", "nats,embedded,kafka", "the publishers to measure")
	flag.BoolVar(&p.quick, "quick", false, "measure arrays of 20 events only")
	flag.DurationVar(&p.measure, "measure", 3*time.Second, "how long to measure each run")
	flag.DurationVar(&p.warmUp, "warm-up", time.Second, "how long to run before that")
	flag.IntVar(&p.rounds, "rounds", 3, "how often to repeat; the tables show medians")
	flag.Parse()
	exit(p.run(os.Stdout))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
