package kafkatest

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Start starts a cluster of the test's own, ready for clients, and ends it with the test. It takes seconds: a test that does
// not stop brokers or need settings has [Shared].
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	c, err := Open(context.Background(), o)
	skipWithoutJava(t, err)
	t.Cleanup(c.Close) // nobody needs the data any more
	return c
}

// skipWithoutJava ends a test that gets no Kafka: skipped where this machine cannot run one and nobody said that it must.
func skipWithoutJava(t testing.TB, err error) {
	t.Helper()
	required := slices.Contains(strings.Split(os.Getenv("HRBRIDGE_TEST_REQUIRE"), ","), "kafka")
	switch {
	case err == nil:
	case errors.Is(err, ErrNoJava) && !required:
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}

// Stop ends all brokers as an operator does; what they stored stays.
func (c *Cluster) Stop(t testing.TB) {
	t.Helper()
	c.end(syscall.SIGTERM, c.all()...)
}

// Start starts all brokers that do not run, ready for clients.
func (c *Cluster) Start(t testing.TB) {
	t.Helper()
	c.StartBroker(t, slices.DeleteFunc(c.all(), func(i int) bool { return c.brokers[i].running() })...)
}

// StopBroker ends these brokers as an operator does.
func (c *Cluster) StopBroker(t testing.TB, brokers ...int) {
	t.Helper()
	c.end(syscall.SIGTERM, brokers...)
}

// Kill ends these brokers as a power cut of theirs does, but for what the system has not written to disk yet.
func (c *Cluster) Kill(t testing.TB, brokers ...int) {
	t.Helper()
	c.end(syscall.SIGKILL, brokers...)
}

// StartBroker starts these brokers again and waits until each knows all that run.
func (c *Cluster) StartBroker(t testing.TB, brokers ...int) {
	t.Helper()
	if err := c.start(context.Background(), brokers...); err != nil {
		t.Fatal(err)
	}
}

// Pause lets a broker hang: its connections stay, and nothing is answered.
func (c *Cluster) Pause(t testing.TB, broker int) {
	t.Helper()
	c.signal(t, broker, syscall.SIGSTOP)
}

// Resume lets a broker go on that hangs.
func (c *Cluster) Resume(t testing.TB, broker int) {
	t.Helper()
	c.signal(t, broker, syscall.SIGCONT)
}

func (c *Cluster) signal(t testing.TB, broker int, signal syscall.Signal) {
	t.Helper()
	if !c.brokers[broker].running() {
		t.Fatalf("broker %d does not run", broker)
	}
	if err := c.brokers[broker].process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// Client is a franz-go client of the brokers that run now, on the listener where nobody has to log in; it is closed with the
// test.
func (c *Cluster) Client(t testing.TB, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := c.client(c.running(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// Admin may do everything: topics, settings, access control lists. It is closed with the test.
func (c *Cluster) Admin(t testing.TB) *kadm.Client {
	t.Helper()
	return kadm.NewClient(c.Client(t))
}

// Leader is the broker that leads a partition, -1 where none does.
func (c *Cluster) Leader(t testing.TB, topic string, partition int32) int {
	t.Helper()
	client, err := c.client(c.running())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	topics, err := kadm.NewClient(client).ListTopics(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	of, known := topics[topic].Partitions[partition]
	if !known {
		t.Fatalf("topic %s has no partition %d: %v", topic, partition, topics[topic].Err)
	}
	return int(of.Leader)
}
