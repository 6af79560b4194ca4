package kafkatest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"hrbridge/publishers/kafka/kafkatest"
)

func TestMain(m *testing.M) { os.Exit(kafkatest.Main(m)) }

const patience = 60 * time.Second

// create makes a topic with one partition.
func create(t *testing.T, c *kafkatest.Cluster, topic string) {
	t.Helper()
	if _, err := c.Admin(t).CreateTopic(t.Context(), 1, -1, nil, topic); err != nil {
		t.Fatal(err)
	}
}

// produce puts values on a topic and waits until all replicas in sync have them.
func produce(t *testing.T, client *kgo.Client, topic string, values ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var errs []error
	for _, value := range values {
		record := &kgo.Record{Topic: topic, Value: []byte(value), Headers: []kgo.RecordHeader{{Key: "name", Value: []byte("Ada Example")}}}
		errs = append(errs, client.ProduceSync(ctx, record).FirstErr())
	}
	return errors.Join(errs...)
}

func values(records []*kgo.Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, string(r.Value))
	}
	return all
}

func TestWhatIsStoredOutlivesTheBroker(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"", "3.9"} {
		t.Run("version "+version, func(t *testing.T) {
			t.Parallel()
			c := kafkatest.Start(t, kafkatest.Options{Version: version})
			create(t, c, "profile.parsing.success")
			client := c.Client(t)
			var want []string
			for name, restart := range map[string]func(){
				"kill":  func() { c.Kill(t, 0); c.StartBroker(t, 0) },
				"stop":  func() { c.Stop(t); c.Start(t) },
				"pause": func() { c.Pause(t, 0); c.Resume(t, 0) },
			} {
				if err := produce(t, client, "profile.parsing.success", name); err != nil {
					t.Fatal(err)
				}
				want = append(want, name)
				restart()
			}
			got := c.Records(t, "profile.parsing.success", "no.such.topic")
			if !slices.Equal(values(got), want) {
				t.Errorf("read %q, want %q", values(got), want)
			}
			if len(got) > 0 && (got[0].Offset != 0 || string(got[0].Headers[0].Value) != "Ada Example") {
				t.Errorf("the first record is %+v", got[0])
			}
			if topics := must(c.Admin(t).ListTopics(t.Context()))(t); topics.Has("no.such.topic") {
				t.Error("reading a topic created it")
			}
		})
	}
}

func TestAClusterGoesOnWithoutItsLeader(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{Brokers: 3})
	create(t, c, "job.parsing.error")
	if err := produce(t, c.Client(t), "job.parsing.error", "before"); err != nil {
		t.Fatal(err)
	}
	leader := c.Leader(t, "job.parsing.error", 0)
	c.Kill(t, leader)
	if err := produce(t, c.Client(t), "job.parsing.error", "between"); err != nil {
		t.Fatal(err)
	}
	if now := c.Leader(t, "job.parsing.error", 0); now == leader || now < 0 {
		t.Errorf("the leader was %d, is killed, and the leader is %d", leader, now)
	}
	c.StartBroker(t, leader)
	if got := values(c.Records(t)); !slices.Equal(got, []string{"before", "between"}) {
		t.Errorf("read %q", got)
	}
	others := []int{(leader + 1) % 3, (leader + 2) % 3}
	c.StopBroker(t, others...)
	c.StartBroker(t, others...)
	if err := produce(t, c.Client(t), "job.parsing.error", "after"); err != nil {
		t.Fatal(err)
	}
}

func TestClientsLogInOverTLSAndDoWhatTheyMay(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{
		Security: "SASL_SSL", Users: map[string]string{"ada": "a password"}, Authorize: true,
	})
	create(t, c, "profile.parsing.success")
	create(t, c, "agent.training.success")
	grant := kadm.NewACLs().Allow("User:ada").AllowHosts("*").Topics("profile.parsing.success").
		ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpWrite, kadm.OpDescribe)
	if _, err := c.Admin(t).CreateACLs(t.Context(), grant); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(must(os.ReadFile(c.Certificates().CAFile))(t))
	pair := must(tls.LoadX509KeyPair(c.Certificates().CertFile, c.Certificates().KeyFile))(t)
	connect := func(login kgo.Opt) *kgo.Client {
		client := must(kgo.NewClient(kgo.SeedBrokers(c.Addresses()...), login, kgo.DisableIdempotentWrite(),
			kgo.DialTLSConfig(&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}), kgo.AllowAutoTopicCreation()))(t)
		t.Cleanup(client.Close)
		return client
	}
	for name, login := range map[string]kgo.Opt{
		"PLAIN":         kgo.SASL(plain.Auth{User: "ada", Pass: "a password"}.AsMechanism()),
		"SCRAM-SHA-256": kgo.SASL(scram.Auth{User: "ada", Pass: "a password"}.AsSha256Mechanism()),
		"SCRAM-SHA-512": kgo.SASL(scram.Auth{User: "ada", Pass: "a password"}.AsSha512Mechanism()),
	} {
		client := connect(login)
		if err := produce(t, client, "profile.parsing.success", name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := produce(t, client, "agent.training.success", name); !errors.Is(err, kerr.TopicAuthorizationFailed) {
			t.Errorf("%s, a topic without the right: %v", name, err)
		}
	}
	if got := c.Records(t); len(got) != 3 {
		t.Errorf("%d records are stored, want 3", len(got))
	}
	wrong := connect(kgo.SASL(plain.Auth{User: "ada", Pass: "another"}.AsMechanism()))
	if err := wrong.Ping(t.Context()); !errors.Is(err, kerr.SaslAuthenticationFailed) {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestTheSharedBrokerIsOne(t *testing.T) {
	t.Parallel()
	one, other := kafkatest.Shared(t), kafkatest.Shared(t)
	if one != other || len(one.Addresses()) != 1 || !slices.Equal(one.Addresses(), one.Brokers()) {
		t.Error(fmt.Sprint(one.Addresses(), other.Addresses()))
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
