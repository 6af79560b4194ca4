package main_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

func TestTheKafkaPublisherIsHeardInTheLogAndInTheMetrics(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	p := serve(t, checkedBinary(t), map[string]string{
		"HRBRIDGE_PUBLISHER": "kafka", "HRBRIDGE_KAFKA_BROKERS": strings.Join(c.ListenAddrs(), ","),
	})
	p.waitReady(t, http.StatusOK)
	p.logs(t, "made topics")
	p.logs(t, "the topics are ready")
	p.deliver(t, http.StatusOK, `[{"type":"profile.parsing.success","profile":{"key":"k"}}]`)
	if up, stored := p.metric(t, "hrbridge_broker_connected"), p.metric(t, "hrbridge_commit_messages_sum"); up != 1 || stored < 1 { // an attempt that found no leader yet counts, too
		t.Errorf("connected is %v, and %v messages are committed", up, stored)
	}
}
