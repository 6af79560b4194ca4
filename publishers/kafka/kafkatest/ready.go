package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// patience is how long a cluster may take to do what it is asked, on a slow machine.
const patience = 90 * time.Second

// client is a connection to these brokers on the listener that is open to this package alone.
func (c *Cluster) client(brokers []int, options ...kgo.Opt) (*kgo.Client, error) {
	seeds := make([]string, len(brokers))
	for i, b := range brokers {
		seeds[i] = c.brokers[b].internal
	}
	return kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(seeds...), kgo.MetadataMinAge(10 * time.Millisecond), kgo.DialTimeout(2 * time.Second),
		kgo.UnknownTopicRetries(-1), // a topic that was just made is not known everywhere yet
	}, options...)...)
}

// awaitReady waits until each of these brokers knows a controller and all brokers that run.
func (c *Cluster) awaitReady(ctx context.Context, brokers []int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, i := range brokers {
		if err := c.awaitBroker(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) awaitBroker(ctx context.Context, i int) error {
	client, err := c.client([]int{i})
	if err != nil {
		return err
	}
	defer client.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		missing, err := c.unknownTo(ctx, client)
		if err == nil && len(missing) == 0 {
			return nil
		}
		select {
		case <-c.brokers[i].ended:
			return c.brokers[i].died()
		case <-ctx.Done():
			return fmt.Errorf("broker %d is not ready after %v: it does not know the brokers %v: %w", i, patience, missing, err)
		case <-tick.C:
		}
	}
}

// unknownTo are the brokers that run and that the client's only seed has not heard of. It asks that one, past the client's own
// memory, which may be of another.
func (c *Cluster) unknownTo(ctx context.Context, client *kgo.Client) ([]int, error) {
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{} // none, where nil is all
	answer, err := request.RequestWith(ctx, client.SeedBrokers()[0])
	if err != nil {
		return nil, err
	}
	if answer.ControllerID < 0 {
		return nil, errors.New("no controller leads")
	}
	return slices.DeleteFunc(c.running(), func(running int) bool {
		return slices.ContainsFunc(answer.Brokers, func(b kmsg.MetadataResponseBroker) bool { return int(b.NodeID) == running })
	}), nil
}
