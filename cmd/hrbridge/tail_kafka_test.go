package main

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kafkaCluster is a cluster in this process with four messages, two of them in one partition.
func kafkaCluster(t *testing.T) (cluster *kfake.Cluster, environment []string) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(6, "profile.parsing.success", "job.parsing.error", "other"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, row := range []struct {
		topic     string
		partition int32
		key       string
	}{{"profile.parsing.success", 3, "k1"}, {"profile.parsing.success", 3, "k2"}, {"job.parsing.error", 0, "k3"}, {"other", 5, "k4"}} {
		r := &kgo.Record{
			Topic: row.topic, Partition: row.partition, Key: []byte(row.key), Value: []byte(`{"name":"Ada Example"}`),
			Headers: []kgo.RecordHeader{{Key: "ce_id", Value: []byte("id-" + row.key)}, {Key: "ce_subject", Value: []byte(row.key)}},
		}
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return c, []string{"HRBRIDGE_PUBLISHER=kafka", "HRBRIDGE_KAFKA_BROKERS=" + strings.Join(c.ListenAddrs(), ",")}
}

func TestTailFollowsKafka(t *testing.T) {
	t.Parallel()
	cluster, environment := kafkaCluster(t)
	brokers := strings.Join(cluster.ListenAddrs(), ",")
	elsewhere := []string{"HRBRIDGE_PUBLISHER=kafka", "HRBRIDGE_KAFKA_BROKERS=127.0.0.1:1"}
	for _, row := range []struct {
		says string
		env  []string
		args []string
		code int
		want []string // in the lines, in any order
	}{
		{"everything from the start", environment, []string{"--count", "4"}, 0, []string{"id=id-k1", "id=id-k2", "id=id-k3", "id=id-k4"}},
		{"a pattern", environment, []string{"profile.*", "--count", "2"}, 0, []string{"partition=3  offset=0  id=id-k1", "partition=3  offset=1  id=id-k2"}},
		{"several topics", environment, []string{"job.parsing.error", "other", "--count", "2"}, 0, []string{"job.parsing.error  partition=0  offset=0", "other  partition=5"}},
		{"patterns that overlap", environment, []string{"profile.*", "*.parsing.*", "--count", "3"}, 0, []string{"k1", "k2", "k3"}},
		{"what there is until the time is over", environment, []string{"job.*", "--timeout", "5s"}, 0, []string{"k3"}},
		{"fewer than were asked for", environment, []string{"job.*", "--count", "2", "--timeout", "5s"}, 1, []string{"k3"}},
		{"a topic that nothing is on", environment, []string{"planet.parsing.success", "--timeout", "300ms"}, 0, nil},
		{"brokers that the command line names", elsewhere, []string{"--url", brokers, "--count", "4"}, 0, []string{"k1", "k2", "k3", "k4"}},
	} {
		t.Run(row.says, func(t *testing.T) {
			t.Parallel()
			code, out, errs := runWith(t, row.env, "", append([]string{"tail", "--from", "start"}, row.args...)...)
			if code != row.code || strings.Count(out, "\n") != len(row.want) || strings.Contains(out+errs, "Ada") {
				t.Errorf("exit code %d: %s%s", code, out, errs)
			}
			for _, want := range row.want {
				if !strings.Contains(out, want) {
					t.Errorf("%s is not in\n%s", want, out)
				}
			}
		})
	}
	if cluster.TopicInfo("planet.parsing.success") != nil {
		t.Error("to follow a topic has made it")
	}
}

func TestTailOfKafkaSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		env  []string
		args []string
		code int
		want string
	}{
		"brokers out of reach": {[]string{"HRBRIDGE_KAFKA_BROKERS=127.0.0.1:1"}, nil, 3, "hrbridge: follow topics: read from Kafka: connect to the broker 127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused; is the broker, or 'hrbridge serve' with the embedded one, running"},
		"no brokers' addresses": {
			nil, []string{"--url", "nats://127.0.0.1:4222"}, 2,
			"--url nats://127.0.0.1:4222: want the addresses of Kafka brokers, such as 127.0.0.1:9092,127.0.0.1:9093, because the publisher is kafka",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := append(row.env, "HRBRIDGE_PUBLISHER=kafka")
			if code, out, errs := runWith(t, env, "", append([]string{"tail"}, row.args...)...); code != row.code || !strings.Contains(errs, row.want) {
				t.Errorf("exit code %d: %s%s", code, out, errs)
			}
		})
	}
}
