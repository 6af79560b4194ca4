package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
	"hrbridge/publishers/kafka/kafkatest"
)

// reach is what comes of reading from the cluster as o says.
func reach(c kafka.Connection, topics ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	reading := bridge.Reading{Topics: topics, From: bridge.From{Start: true}, ToEnd: true}
	return kafka.Tail(ctx, kafka.TailOptions{Connection: c, Reading: reading}, func(bridge.Record) error { return nil })
}

func wantError(t *testing.T, err error, kind bridge.Kind, words string) {
	t.Helper()
	if bridge.KindOf(err) != kind || err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v; want one of kind %v that says %q", err, kind, words)
	}
	if err != nil && strings.Contains(err.Error(), "swordfish") {
		t.Errorf("%q says the password", err)
	}
}

// connection is how to reach a cluster of the harness.
func connection(c *kafkatest.Cluster, change ...func(*kafka.Connection)) kafka.Connection {
	connection := kafka.Defaults().Connection
	connection.Brokers = c.Addresses()
	connection.DialTimeout = patience // on a slow machine
	for _, change := range change {
		change(&connection)
	}
	return connection
}

// TestAClusterThatAsksWhoIsThere is about a real one with TLS, users and access control lists.
func TestAClusterThatAsksWhoIsThere(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{
		Security: "SASL_SSL", Authorize: true,
		Users: map[string]string{"ada": "swordfish", "grace": "swordfish-2", "joan": "swordfish-3"},
	})
	as := func(mechanism kafka.Mechanism, user, password string, change ...func(*kafka.Connection)) kafka.Connection {
		return connection(c, append([]func(*kafka.Connection){func(o *kafka.Connection) {
			o.TLS = kafka.TLS{Enabled: true, CAFile: c.Certificates().CAFile}
			o.SASL = kafka.SASL{Mechanism: mechanism, User: user, Password: password}
		}}, change...)...)
	}
	t.Run("every mechanism lets in", func(t *testing.T) {
		for _, mechanism := range []kafka.Mechanism{kafka.SASLPlain, kafka.SASLScramSHA256, kafka.SASLScramSHA512} {
			if err := reach(as(mechanism, "ada", "swordfish")); err != nil {
				t.Errorf("%s: %v", mechanism, err)
			}
			wantError(t, reach(as(mechanism, "ada", "swordfish-9")), bridge.KindRefused, "does not accept these credentials")
			wantError(t, reach(as(mechanism, "nobody", "swordfish")), bridge.KindRefused, `log in as "nobody"`)
		}
	})
	t.Run("a client that does not speak as it has to is told", func(t *testing.T) {
		wantError(t, reach(as(kafka.SASLPlain, "ada", "swordfish", func(o *kafka.Connection) { o.TLS.CAFile = "" })),
			bridge.KindRefused, "certificate is not one to trust")
		wantError(t, reach(as(kafka.SASLPlain, "ada", "swordfish", func(o *kafka.Connection) {
			o.TLS, o.SASL.AllowPlaintext = kafka.TLS{}, true
		})), bridge.KindUnavailable, "does the listener want TLS?")
		wantError(t, reach(as(kafka.SASLNone, "", "")), bridge.KindUnavailable, "does the listener want a login?")
	})
	t.Run("a password is not shown to who listens on the way", func(t *testing.T) {
		err := reach(as(kafka.SASLPlain, "ada", "swordfish", func(o *kafka.Connection) { o.TLS = kafka.TLS{} }))
		if err == nil || !strings.Contains(err.Error(), "kafka.sasl.allow_plaintext") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("topics that are there are enough", func(t *testing.T) { existingTopicsAreEnough(t, c, as(kafka.SASLScramSHA512, "ada", "swordfish")) })
	t.Run("the rights that the documentation lists are enough", func(t *testing.T) {
		documentedRightsAreEnough(t, c, as(kafka.SASLScramSHA256, "grace", "swordfish-2"))
	})
	t.Run("who may not read is told", func(t *testing.T) {
		allow(t, c, kadm.NewACLs().Allow("User:joan").AllowHosts("*").Topics("secret").ResourcePatternType(kadm.ACLPatternLiteral).Operations(kmsg.ACLOperationDescribe))
		if _, err := c.Admin(t).CreateTopic(t.Context(), 1, -1, nil, "secret"); err != nil {
			t.Fatal(err)
		}
		if err := c.Client(t).ProduceSync(t.Context(), &kgo.Record{Topic: "secret", Value: []byte("{}")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		wantError(t, reach(as(kafka.SASLPlain, "joan", "swordfish-3"), "secret"), bridge.KindRefused, "may not read the topic secret")
	})
}

func allow(t *testing.T, c *kafkatest.Cluster, acls *kadm.ACLBuilder) {
	t.Helper()
	results, err := c.Admin(t).CreateACLs(t.Context(), acls)
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// on is a message for the topic.
func on(topic, id string) bridge.Message {
	m := event(id)
	m.Topic = topic
	return m
}

// existingTopicsAreEnough publishes as somebody who may write to one topic, and nothing else.
func existingTopicsAreEnough(t *testing.T, c *kafkatest.Cluster, as kafka.Connection) {
	if _, err := c.Admin(t).CreateTopic(t.Context(), 1, -1, nil, "given.a.topic"); err != nil {
		t.Fatal(err)
	}
	allow(t, c, kadm.NewACLs().Allow("User:ada").AllowHosts("*").Topics("given.").ResourcePatternType(kadm.ACLPatternPrefixed).Operations(kmsg.ACLOperationWrite))
	core, logs := observer.New(zap.WarnLevel)
	o := kafka.Defaults()
	o.Connection, o.Topics.Names, o.Log = as, []string{"given.a.topic"}, zap.New(core)
	p := openReady(t, o)
	eventually(t, func() error { return p.Publish(t.Context(), []bridge.Message{on("given.a.topic", "a-1")}) })
	if got := c.ReadAll(t, "given.a.topic"); len(got) != 1 {
		t.Errorf("stored are %d messages", len(got))
	}
	wantError(t, p.Publish(t.Context(), []bridge.Message{on("given.another.topic", "b-1")}), bridge.KindRefused, "grant CREATE on it")
	if n := logs.FilterMessage("the topics are not as configured").Len(); n != 1 {
		t.Errorf("it says %d times that it may not read the topics' settings", n)
	}
	o.Topics.Names = []string{"given.a.topic", "given.b.topic", "given.c.topic"}
	without := open(t, o)
	eventually(t, func() error {
		if err := without.Ready(t.Context()); bridge.KindOf(err) != bridge.KindRefused || !strings.Contains(err.Error(), "given.b.topic, given.c.topic") {
			return fmt.Errorf("ready is %w", err)
		}
		return nil
	})
}

// documentedRightsAreEnough publishes and follows with the rights that docs/kafka.md lists.
func documentedRightsAreEnough(t *testing.T, c *kafkatest.Cluster, as kafka.Connection) {
	acls := func() *kadm.ACLBuilder {
		return kadm.NewACLs().Allow("User:grace").AllowHosts("*").Topics("prod.").ResourcePatternType(kadm.ACLPatternPrefixed)
	}
	allow(t, c, acls().Operations(kmsg.ACLOperationWrite, kmsg.ACLOperationCreate, kmsg.ACLOperationDescribeConfigs))
	core, logs := observer.New(zap.WarnLevel)
	o := kafka.Defaults()
	o.Connection, o.Topics.Names, o.Topics.MinMessage, o.Log = as, []string{"prod.a.topic"}, 1000, zap.New(core)
	p := openReady(t, o)
	mustPublish(t, p, []bridge.Message{on("prod.a.topic", "a-1"), on("prod.first.use", "b-1")})
	if got := c.ReadAll(t, "prod.a.topic", "prod.first.use"); len(got) != 2 {
		t.Errorf("stored are %d messages", len(got))
	}
	if logs.Len() > 0 {
		t.Errorf("it complains: %v", logs.All())
	}
	allow(t, c, acls().Operations(kmsg.ACLOperationRead))
	eventually(t, func() error { return reach(as, "prod.>") })
}

// TestAClusterThatAsksForACertificate is about a real one that lets in who shows a certificate.
func TestAClusterThatAsksForACertificate(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{Security: "SSL", Settings: map[string]string{"listener.name.client.ssl.client.auth": "required"}})
	files := c.Certificates()
	secured := func(change ...func(*kafka.Connection)) kafka.Connection {
		return connection(c, append([]func(*kafka.Connection){func(o *kafka.Connection) {
			o.TLS = kafka.TLS{Enabled: true, CAFile: files.CAFile, CertFile: files.CertFile, KeyFile: files.KeyFile}
		}}, change...)...)
	}
	t.Run("with it", func(t *testing.T) {
		if err := reach(secured()); err != nil {
			t.Error(err)
		}
	})
	t.Run("without it", func(t *testing.T) {
		wantError(t, reach(secured(func(o *kafka.Connection) { o.TLS.CertFile, o.TLS.KeyFile = "", "" })), bridge.KindRefused, "kafka.tls.cert_file")
	})
	t.Run("of another name", func(t *testing.T) {
		wantError(t, reach(secured(func(o *kafka.Connection) {
			o.Brokers = []string{strings.Replace(o.Brokers[0], "127.0.0.1", "localhost", 1)}
		})), bridge.KindRefused, "names this address")
	})
	t.Run("files that are renewed are read again", func(t *testing.T) {
		ca := filepath.Join(t.TempDir(), "ca.pem")
		copyFile(t, ca, files.CertFile) // signed nothing
		o := kafka.Defaults()
		o.Connection, o.Topics.Names = secured(func(o *kafka.Connection) { o.TLS.CAFile = ca }), []string{"a.b.c"}
		p := open(t, o)
		eventually(t, func() error {
			if err := p.Ready(t.Context()); bridge.KindOf(err) != bridge.KindRefused {
				return fmt.Errorf("ready is %w", err)
			}
			return nil
		})
		copyFile(t, ca, files.CAFile)
		eventually(t, func() error { return p.Ready(t.Context()) })
	})
}

func copyFile(t *testing.T, to, from string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
