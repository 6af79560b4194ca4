package kafkatest

import (
	"context"
	"fmt"
	"io"
	"strings"
	"syscall"
)

// Serve runs a cluster for people to try things with, until the context ends, and says on out how it is used. What it stored
// stays in the folder of the options.
func Serve(ctx context.Context, o Options, out io.Writer) error {
	fmt.Fprintf(out, "starting Apache Kafka, data in %s …\n", o.Dir)
	c, err := Open(ctx, o)
	if err != nil {
		return err
	}
	brokers := strings.Join(c.Addresses(), ",")
	fmt.Fprintf(out, "ready at %s. Try, in another terminal:\n\n", brokers)
	fmt.Fprintf(out, "  HRBRIDGE_PUBLISHER=kafka HRBRIDGE_KAFKA_BROKERS=%s make run\n\nCtrl-C stops it.\n", brokers)
	failed := make(chan error, len(c.brokers))
	for _, b := range c.brokers {
		go func(ended <-chan struct{}) {
			<-ended
			failed <- b.died()
		}(b.ended)
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	fmt.Fprintln(out, "stopping …")
	c.end(syscall.SIGTERM, c.all()...)
	return err
}
