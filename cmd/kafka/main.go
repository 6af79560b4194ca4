// Command kafka runs a real Apache Kafka on loopback to try hrbridge with: one broker, or a cluster of three. It is what
// make kafka and make kafka-cluster start.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"hrbridge/publishers/kafka/kafkatest"
)

func main() {
	o := kafkatest.Options{}
	flag.IntVar(&o.Brokers, "brokers", 1, "how many, 1 or 3")
	flag.StringVar(&o.Version, "version", "", `"3.9" for the last line before 4.0`)
	flag.IntVar(&o.Port, "port", 9092, "where the first broker listens, the others behind it")
	flag.StringVar(&o.Dir, "dir", "build/kafka", "where the data is kept")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if o.Dir, err = filepath.Abs(o.Dir); err == nil {
		err = kafkatest.Serve(ctx, o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kafka:", err)
		os.Exit(1)
	}
}
