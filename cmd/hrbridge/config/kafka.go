package config

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
)

// kafkaInternal is how the names begin that Kafka keeps for topics of its own.
const kafkaInternal = "__"

func (s *settings) kafkaKeys() []Key {
	k, t := &s.kafka, &s.kafka.Topics
	return []Key{
		key("kafka.brokers", brokers(&k.Brokers), "Some brokers of the cluster, from which the others are learned."),
		key("kafka.client_id", checked(&k.ClientID, "name", streamWants, checkClientID), "What the brokers' logs and quotas show of hrbridge."),
		key("kafka.provision", boolean(&t.Provision), "Whether hrbridge makes the topics that are missing, or only looks for them."),
		key("kafka.partitions", integer(&t.Partitions, 1, 10_000), "Partitions of a topic that hrbridge makes."),
		key("kafka.replicas", zeroMeans(integer(&t.Replicas, 0, 100), "the brokers' default"), "Copies of a topic that hrbridge makes."),
		key("kafka.min_insync_replicas", zeroMeans(integer(&t.MinInSync, 0, 100), "the brokers' default"),
			"How many of them must have an event before it counts as held."),
		key("kafka.retention", zeroMeans(duration(&t.Retention, 0, forEver), "no limit"), "How long a topic that hrbridge makes keeps an event."),
		key("kafka.max_message", zeroMeans(size(&t.MaxMessage, 0, maxMessage), "the brokers' default"),
			"The largest message of a topic that hrbridge makes."),
		key("kafka.compression", oneOf(&k.Compression, kafka.Compressions()...), "How messages are compressed on their way and in the topics."),
		key("kafka.idempotent", boolean(&k.Idempotent), "Whether a message that has to be sent again is numbered, so that it is stored once."),
		key("kafka.ack_timeout", duration(&k.AckTimeout, 100*time.Millisecond, longest), "How long an acknowledgement may take."),
		key("kafka.dial_timeout", duration(&k.DialTimeout, 100*time.Millisecond, longest),
			"How long one attempt to connect may take, TLS and login included."),
		key("kafka.tls.enabled", boolean(&k.TLS.Enabled), "Whether the brokers are spoken to by TLS."),
		key("kafka.tls.ca_file", path(&k.TLS.CAFile, "a PEM file"), "The only authorities that are trusted, instead of the system's."),
		key("kafka.tls.cert_file", path(&k.TLS.CertFile, "a PEM file"), "The certificate to show to the brokers."),
		key("kafka.tls.key_file", path(&k.TLS.KeyFile, "a PEM file"), "The certificate's key."),
		key("kafka.sasl.mechanism", oneOf(&k.SASL.Mechanism, kafka.Mechanisms()...), "How to log in."),
		key("kafka.sasl.user", text(&k.SASL.User, "a name"), "The user to log in as."),
		secretKey("kafka.sasl.password", text(&k.SASL.Password, "a password"), "That user's password."),
		key("kafka.sasl.password_file", path(&s.kafkaFiles.password, "a file"), "The file that holds the password."),
		key("kafka.sasl.allow_plaintext", boolean(&k.SASL.AllowPlaintext),
			"Whether to log in without TLS, where everybody on the way can listen."),
	}
}

// kafka is what the publisher on a Kafka cluster needs to know.
func (c Config) kafka() kafka.Options {
	o := c.settings().kafka
	o.Topics.Names = c.Fanout().Topics()
	o.Topics.MinMessage = c.settings().ingress.Events.MaxEvent + bridge.HeaderAllowance
	return o
}

func (l *loader) checkKafka() {
	l.checkKafkaTopics()
	k := l.kafka
	need := l.ingress.Events.MaxEvent + bridge.HeaderAllowance
	switch {
	case k.Topics.MaxMessage > 0 && k.Topics.MaxMessage < need:
		l.refuse("is less than the largest event with its headers, "+formatSize(int64(need)),
			"raise it to that, or lower limits.max_event", "kafka.max_message", "limits.max_event")
	case k.Topics.MaxMessage == 0 && need > bridge.MaxMessage:
		l.warn("is more than Kafka's topics take unless they are told otherwise",
			"set kafka.max_message, or max.message.bytes of topics that are there, to "+formatSize(int64(need))+" or more", "limits.max_event", "kafka.max_message")
	}
	if t := k.Topics; t.Replicas > 0 && t.MinInSync > t.Replicas {
		l.refuse(fmt.Sprintf("is more than kafka.replicas (%d), so that nothing would ever be acknowledged", t.Replicas),
			"lower it, or raise kafka.replicas", "kafka.min_insync_replicas", "kafka.replicas")
	}
	l.checkKafkaTLS()
	l.checkKafkaLogin()
}

// checkKafkaTopics looks at what only Kafka minds in names.
func (l *loader) checkKafkaTopics() {
	seen := make(map[string]string)
	for _, name := range l.fanoutOptions().Topics() {
		if strings.HasPrefix(name, kafkaInternal) {
			l.refuse(fmt.Sprintf("makes the topic %s, and Kafka keeps names that begin with %s for itself", quoted(name), kafkaInternal),
				"choose another", l.topicKey(name), "publisher")
			return
		}
		flat := strings.ReplaceAll(name, ".", "_")
		if other, taken := seen[flat]; taken && other != name {
			l.refuse(fmt.Sprintf("makes the topics %s and %s, and Kafka does not let them be beside one another, because . and _ are the same to it",
				quoted(other), quoted(name)), "choose other prefixes, or another dead-letter topic", l.topicKey(name), "publisher")
			return
		}
		seen[flat] = name
	}
}

// topicKey is the key that the topic's name comes from.
func (l *loader) topicKey(name string) string {
	if name == l.fanout.DeadLetterTopic {
		return "topic.dead_letter"
	}
	return "topic.prefix"
}

func (l *loader) checkKafkaTLS() {
	t := l.kafka.TLS
	for _, file := range []struct {
		key, name string
		private   bool
	}{
		{"kafka.tls.ca_file", t.CAFile, false}, {"kafka.tls.cert_file", t.CertFile, false}, {"kafka.tls.key_file", t.KeyFile, true},
	} {
		if file.name != "" && !t.Enabled {
			l.refuse("is set, and the brokers are not spoken to by TLS", "set kafka.tls.enabled, or leave it out", file.key, "kafka.tls.enabled")
		}
		l.readable(file.key, file.name, file.private)
	}
	l.checkPair("kafka.tls.cert_file", t.CertFile, "kafka.tls.key_file", t.KeyFile)
}

func (l *loader) checkKafkaLogin() {
	s := l.kafka.SASL
	l.checkLogin("kafka.sasl", s.User, s.Password, l.bad["kafka.sasl.password"])
	switch {
	case s.Mechanism == kafka.SASLNone && s.User != "":
		l.refuse("is set, and no way to log in", "set kafka.sasl.mechanism", "kafka.sasl.user", "kafka.sasl.mechanism")
	case s.Mechanism == kafka.SASLNone:
	case s.User == "":
		l.refuse("has no user", "set kafka.sasl.user and kafka.sasl.password_file", "kafka.sasl.mechanism", "kafka.sasl.user")
	case !l.kafka.TLS.Enabled && !s.AllowPlaintext:
		l.refuse("would show the login to everybody on the way, because there is no TLS",
			"set kafka.tls.enabled; or kafka.sasl.allow_plaintext, where the network is yours alone", "kafka.sasl.mechanism", "kafka.tls.enabled")
	}
}

// brokers are the addresses of Kafka brokers.
func brokers(p *[]string) value {
	return atLeastOne(list(p, "addresses such as 127.0.0.1:9092, separated by commas", checkBroker))
}

func checkBroker(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" {
		return errors.New("is not host:port")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("has no port from 1 to 65535")
	}
	return nil
}

func checkClientID(s string) error {
	if !streamPattern.MatchString(s) {
		return errors.New("is not a name for a client")
	}
	return nil
}
