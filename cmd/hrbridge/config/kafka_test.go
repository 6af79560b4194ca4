package config_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
	"hrbridge/schema"
)

// onKafka is a configuration with the Kafka publisher and these variables.
func onKafka(variables ...string) given {
	return env(append(slices.Clip(variables), "HRBRIDGE_PUBLISHER=kafka")...)
}

func TestTheKafkaPublisherIsConfigured(t *testing.T) {
	t.Parallel()
	password := write(t, "password", secret+"\n")
	pem := write(t, "file.pem", "")
	c := mustLoad(t, onKafka(
		"HRBRIDGE_KAFKA_BROKERS=a:9092,b:9093", "HRBRIDGE_KAFKA_CLIENT_ID=bridge", "HRBRIDGE_KAFKA_PROVISION=false", "HRBRIDGE_KAFKA_PARTITIONS=12",
		"HRBRIDGE_KAFKA_REPLICAS=3", "HRBRIDGE_KAFKA_MIN_INSYNC_REPLICAS=2", "HRBRIDGE_KAFKA_RETENTION=30d", "HRBRIDGE_KAFKA_MAX_MESSAGE=2MiB",
		"HRBRIDGE_KAFKA_COMPRESSION=zstd", "HRBRIDGE_KAFKA_IDEMPOTENT=false", "HRBRIDGE_KAFKA_ACK_TIMEOUT=4s", "HRBRIDGE_KAFKA_DIAL_TIMEOUT=1s",
		"HRBRIDGE_KAFKA_TLS_ENABLED=true", "HRBRIDGE_KAFKA_TLS_CA_FILE="+pem, "HRBRIDGE_KAFKA_TLS_CERT_FILE="+pem, "HRBRIDGE_KAFKA_TLS_KEY_FILE="+pem,
		"HRBRIDGE_KAFKA_SASL_MECHANISM=scram-sha-512", "HRBRIDGE_KAFKA_SASL_USER=ada", "HRBRIDGE_KAFKA_SASL_PASSWORD_FILE="+password,
		"HRBRIDGE_LIMITS_MAX_EVENT=100KiB",
	))
	want := kafka.Options{
		Connection: kafka.Connection{
			Brokers: []string{"a:9092", "b:9093"}, ClientID: "bridge", DialTimeout: time.Second,
			TLS:  kafka.TLS{Enabled: true, CAFile: pem, CertFile: pem, KeyFile: pem},
			SASL: kafka.SASL{Mechanism: kafka.SASLScramSHA512, User: "ada", Password: secret},
		},
		AckTimeout: 4 * time.Second, Compression: kafka.CompressZstd,
		Topics: kafka.Topics{
			Partitions: 12, Replicas: 3, MinInSync: 2, Retention: 30 * 24 * time.Hour, MaxMessage: 2 << 20, MinMessage: 100<<10 + bridge.HeaderAllowance,
		},
	}
	got := c.Publisher()
	names := got.Kafka.Topics.Names
	got.Kafka.Topics.Names = nil
	if diff := cmp.Diff(want, got.Kafka); diff != "" || got.Name != "kafka" {
		t.Errorf("publisher %s\n%s", got.Name, diff)
	}
	if len(names) != len(schema.Types())+1 || !slices.Contains(names, "hrbridge.deadletter") || !slices.Contains(names, "profile.parsing.success") {
		t.Errorf("the topics to make are %v", names)
	}
	tail := c.Tail()
	want.ClientID = "bridge-tail"
	if diff := cmp.Diff(want.Connection, tail.Kafka.Connection); diff != "" || tail.Name != "kafka" {
		t.Errorf("tail goes to %s\n%s", tail.Name, diff)
	}
	if text := c.String() + fmt.Sprintf("%+v %#v", c, c); strings.Contains(text, secret) {
		t.Errorf("the password is printed:\n%s", text)
	}
}

func TestMistakesWithKafkaAreTold(t *testing.T) {
	t.Parallel()
	const anAddress = "; use addresses such as 127.0.0.1:9092, separated by commas"
	login := []string{"HRBRIDGE_KAFKA_SASL_USER=ada", "HRBRIDGE_KAFKA_SASL_PASSWORD=" + secret, "HRBRIDGE_KAFKA_SASL_MECHANISM=plain"}
	for name, row := range map[string]struct {
		given given
		want  string
	}{
		"no broker":              {onKafka("HRBRIDGE_KAFKA_BROKERS="), "kafka.brokers (HRBRIDGE_KAFKA_BROKERS) is empty" + anAddress},
		"a broker without port":  {onKafka("HRBRIDGE_KAFKA_BROKERS=a:1,b"), `kafka.brokers = "a:1,b" (HRBRIDGE_KAFKA_BROKERS) is not host:port` + anAddress},
		"a broker with no port":  {onKafka("HRBRIDGE_KAFKA_BROKERS=a:0"), `kafka.brokers = "a:0" (HRBRIDGE_KAFKA_BROKERS) has no port from 1 to 65535` + anAddress},
		"a broker that is a URL": {onKafka("HRBRIDGE_KAFKA_BROKERS=kafka://a:1"), `kafka.brokers = "kafka://a:1" (HRBRIDGE_KAFKA_BROKERS) is not host:port` + anAddress},
		"messages too small for the largest event": {
			onKafka("HRBRIDGE_KAFKA_MAX_MESSAGE=100KiB"),
			`kafka.max_message = "100KiB" (HRBRIDGE_KAFKA_MAX_MESSAGE) is less than the largest event with its headers, 1MiB; raise it to that, or lower limits.max_event`},
		"more in sync than there are": {
			onKafka("HRBRIDGE_KAFKA_REPLICAS=2", "HRBRIDGE_KAFKA_MIN_INSYNC_REPLICAS=3"),
			`kafka.min_insync_replicas = "3" (HRBRIDGE_KAFKA_MIN_INSYNC_REPLICAS) is more than kafka.replicas (2), so that nothing would ever be acknowledged; lower it, or raise kafka.replicas`},
		"files for a TLS that is off": {
			onKafka("HRBRIDGE_KAFKA_TLS_CA_FILE=/dev/null"),
			`kafka.tls.ca_file = "/dev/null" (HRBRIDGE_KAFKA_TLS_CA_FILE) is set, and the brokers are not spoken to by TLS; set kafka.tls.enabled, or leave it out`},
		"half a client certificate": {
			onKafka("HRBRIDGE_KAFKA_TLS_ENABLED=true", "HRBRIDGE_KAFKA_TLS_CERT_FILE=/dev/null"),
			`kafka.tls.cert_file = "/dev/null" (HRBRIDGE_KAFKA_TLS_CERT_FILE) has no key; set kafka.tls.key_file`},
		"a password in the clear": {
			onKafka(login...),
			`kafka.sasl.mechanism = "plain" (HRBRIDGE_KAFKA_SASL_MECHANISM) would show the login to everybody on the way, because there is no TLS; ` +
				`set kafka.tls.enabled; or kafka.sasl.allow_plaintext, where the network is yours alone`},
		"a user without a mechanism": {
			onKafka(login[:2]...), `kafka.sasl.user = "ada" (HRBRIDGE_KAFKA_SASL_USER) is set, and no way to log in; set kafka.sasl.mechanism`},
		"a mechanism without a user": {
			onKafka("HRBRIDGE_KAFKA_TLS_ENABLED=true", login[2]),
			`kafka.sasl.mechanism = "plain" (HRBRIDGE_KAFKA_SASL_MECHANISM) has no user; set kafka.sasl.user and kafka.sasl.password_file`},
		"a user without a password": {
			onKafka("HRBRIDGE_KAFKA_TLS_ENABLED=true", login[0], login[2]),
			`kafka.sasl.user = "ada" (HRBRIDGE_KAFKA_SASL_USER) has no password; set kafka.sasl.password_file or kafka.sasl.password`},
		"a password in two places": {
			onKafka("HRBRIDGE_KAFKA_TLS_ENABLED=true", login[0], login[1], login[2], "HRBRIDGE_KAFKA_SASL_PASSWORD_FILE=x"),
			`kafka.sasl.password = "***" (HRBRIDGE_KAFKA_SASL_PASSWORD) is given, and kafka.sasl.password_file (HRBRIDGE_KAFKA_SASL_PASSWORD_FILE) too; leave one of the two`},
		"a topic that Kafka keeps for itself": {
			onKafka("HRBRIDGE_TOPIC_DEAD_LETTER=__dead"),
			`topic.dead_letter = "__dead" (HRBRIDGE_TOPIC_DEAD_LETTER) makes the topic "__dead", and Kafka keeps names that begin with __ for itself; choose another`},
		"topics that are the same to Kafka": {
			onKafka("HRBRIDGE_TOPIC_DEAD_LETTER=profile_parsing_success"),
			`topic.dead_letter = "profile_parsing_success" (HRBRIDGE_TOPIC_DEAD_LETTER) makes the topics "profile.parsing.success" and "profile_parsing_success", ` +
				`and Kafka does not let them be beside one another, because . and _ are the same to it; choose other prefixes, or another dead-letter topic`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff([]string{row.want}, lines(t, row.given)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheNamesOfOtherBrokersMayBeWhatKafkaDoesNotTake(t *testing.T) {
	t.Parallel()
	mustLoad(t, env("HRBRIDGE_TOPIC_DEAD_LETTER=profile_parsing_success"))
}

func TestWhatIsDoubtfulWithKafkaIsAWarning(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		given given
		want  []string
	}{
		"nothing": {onKafka(), nil},
		"an event larger than topics take": {
			onKafka("HRBRIDGE_LIMITS_MAX_EVENT=2MiB"),
			[]string{`limits.max_event = "2MiB" (HRBRIDGE_LIMITS_MAX_EVENT) is more than Kafka's topics take unless they are told otherwise; ` +
				`set kafka.max_message, or max.message.bytes of topics that are there, to 2052KiB or more`},
		},
		"an event larger than topics usually take": {onKafka("HRBRIDGE_LIMITS_MAX_EVENT=2MiB", "HRBRIDGE_KAFKA_MAX_MESSAGE=3MiB"), nil},
		"settings of the other publishers": {
			onKafka("HRBRIDGE_NATS_STREAM=X", "HRBRIDGE_EMBEDDED_USER=ada", "HRBRIDGE_STREAM_MAX_AGE=1d"),
			[]string{
				`embedded.user = "ada" (HRBRIDGE_EMBEDDED_USER) has no effect, because the publisher is kafka; set publisher: embedded, or leave it out`,
				`nats.stream = "X" (HRBRIDGE_NATS_STREAM) has no effect, because the publisher is kafka; set publisher: embedded or nats, or leave it out`,
				`stream.max_age = "1d" (HRBRIDGE_STREAM_MAX_AGE) has no effect, because the publisher is kafka; set publisher: embedded or nats, or leave it out`,
			},
		},
		"settings of Kafka elsewhere": {
			env("HRBRIDGE_KAFKA_PARTITIONS=1"),
			[]string{`kafka.partitions = "1" (HRBRIDGE_KAFKA_PARTITIONS) has no effect, because the publisher is embedded; set publisher: kafka, or leave it out`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, warnings, err := load(t, row.given)
			var got []string
			for _, w := range warnings {
				got = append(got, w.String())
			}
			if diff := cmp.Diff(row.want, got); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}
