package embedded_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/publishers/embedded"
)

func TestWhoMayConnect(t *testing.T) {
	t.Parallel()
	certificate, key := certify(t)
	tests := map[string]struct {
		listen  string
		change  func(*embedded.Options)
		welcome []natsgo.Option
		refused []natsgo.Option
	}{
		"anybody on loopback": {
			"localhost:0", func(*embedded.Options) {}, nil, nil,
		},
		"who has the user and the password": {
			"0.0.0.0:0", func(o *embedded.Options) { o.User, o.Password = "reader", "its password" },
			[]natsgo.Option{natsgo.UserInfo("reader", "its password")}, []natsgo.Option{natsgo.UserInfo("reader", "another")},
		},
		"who has the token": {
			":0", func(o *embedded.Options) { o.Token = "a token" },
			[]natsgo.Option{natsgo.Token("a token")}, []natsgo.Option{natsgo.UserInfo("hrbridge", "")},
		},
		"who has a certificate of the authority": {
			"0.0.0.0:0", func(o *embedded.Options) {
				o.TLS = embedded.ListenerTLS{CertFile: certificate, KeyFile: key, ClientCAFile: certificate}
			},
			[]natsgo.Option{natsgo.RootCAs(certificate), natsgo.ClientCert(certificate, key)}, []natsgo.Option{natsgo.RootCAs(certificate)},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			o.Listen = test.listen
			test.change(&o)
			b := open(t, o)
			publish(t, b, messages("a", 2))
			js := jetStream(t, connect(t, b, test.welcome...))
			if _, err := js.Stream(t.Context(), "HRFLOW"); err != nil {
				t.Errorf("a welcome subscriber: %v", err)
			}
			if test.refused == nil {
				return
			}
			if nc, err := natsgo.Connect(b.ClientURL(), test.refused...); err == nil {
				nc.Close()
				t.Error("connected without the right credentials")
			}
		})
	}
}

// certify makes a certificate for 127.0.0.1 that is its own authority.
func certify(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hrbridge test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4zero}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	certificate, key = filepath.Join(folder, "certificate.pem"), filepath.Join(folder, "key.pem")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// subscriber connects and collects what the server does not allow it.
func subscriber(t *testing.T, b *embedded.Broker) (*natsgo.Conn, <-chan error) {
	t.Helper()
	complaints := make(chan error, 16)
	nc := connect(t, b, natsgo.ErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription, err error) { complaints <- err }))
	return nc, complaints
}

func TestASubscriberMayNotWrite(t *testing.T) {
	t.Parallel()
	b := open(t, options(t))
	publish(t, b, messages("a", 3))
	nc, complaints := subscriber(t, b)
	for _, subject := range []string{
		"profile.parsing.success", deadLetters, "anything.else", "_INBOX.of.somebody",
		"$JS.API.STREAM.DELETE.HRFLOW", "$JS.API.STREAM.PURGE.HRFLOW", "$JS.API.STREAM.UPDATE.HRFLOW",
		"$JS.API.STREAM.CREATE.OTHER", "$JS.API.STREAM.MSG.DELETE.HRFLOW", "$JS.API.STREAM.RESTORE.HRFLOW",
		"$JS.API.STREAM.SNAPSHOT.HRFLOW", "$JS.API.ACCOUNT.PURGE.$G", "$JS.API.SERVER.REMOVE", "$SYS.REQ.SERVER.PING",
	} {
		if err := nc.PublishRequest(subject, nc.NewInbox(), []byte("{}")); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-complaints:
			if !strings.Contains(strings.ToLower(err.Error()), "permissions violation for publish") {
				t.Errorf("%s: %v", subject, err)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s: nobody minded", subject)
		}
	}
	wantStored(t, b, messages("a", 3))
}

func TestASubscriberReadsAsItLikes(t *testing.T) {
	t.Parallel()
	b := open(t, options(t))
	publish(t, b, messages("a", 3))
	const all = "profile.*.*"
	ways := map[string]func(context.Context, *testing.T, *natsgo.Conn) error{
		"by a durable consumer that acknowledges": func(ctx context.Context, t *testing.T, nc *natsgo.Conn) error {
			consumer, err := jetStream(t, nc).CreateOrUpdateConsumer(ctx, "HRFLOW", jetstream.ConsumerConfig{Durable: "indexer", FilterSubject: all})
			if err != nil {
				return err
			}
			for range 3 {
				m, err := consumer.Next()
				if err != nil {
					return err
				}
				if err := m.DoubleAck(ctx); err != nil {
					return err
				}
			}
			return jetStream(t, nc).DeleteConsumer(ctx, "HRFLOW", "indexer")
		},
		"in order": func(ctx context.Context, t *testing.T, nc *natsgo.Conn) error {
			consumer, err := jetStream(t, nc).OrderedConsumer(ctx, "HRFLOW", jetstream.OrderedConsumerConfig{FilterSubjects: []string{all}})
			if err != nil {
				return err
			}
			_, err = consumer.Next()
			return err
		},
		"pushed to": func(_ context.Context, t *testing.T, nc *natsgo.Conn) error {
			js, err := nc.JetStream()
			if err != nil {
				return err
			}
			subscription, err := js.SubscribeSync(all, natsgo.BindStream("HRFLOW"), natsgo.EnableFlowControl(), natsgo.IdleHeartbeat(time.Second))
			if err != nil {
				return err
			}
			m, err := subscription.NextMsg(5 * time.Second)
			if err != nil {
				return err
			}
			return m.AckSync()
		},
		"message by message": func(ctx context.Context, t *testing.T, nc *natsgo.Conn) error {
			stream, err := jetStream(t, nc).Stream(ctx, "HRFLOW")
			if err != nil {
				return err
			}
			_, err = stream.GetLastMsgForSubject(ctx, "profile.parsing.success")
			return err
		},
		"as they come, without JetStream": func(_ context.Context, t *testing.T, nc *natsgo.Conn) error {
			subscription, err := nc.SubscribeSync(all)
			if err != nil {
				return err
			}
			if err := nc.Flush(); err != nil {
				return err
			}
			publish(t, b, messages("live", 1))
			_, err = subscription.NextMsg(5 * time.Second)
			return err
		},
	}
	for name, read := range ways {
		t.Run(name, func(t *testing.T) {
			nc, complaints := subscriber(t, b)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := read(ctx, t, nc); err != nil {
				t.Error(err)
			}
			select {
			case err := <-complaints:
				t.Errorf("the server minded: %v", err)
			default:
			}
		})
	}
}

func TestNothingThatASubscriberAsksForReachesATopicOrTheStream(t *testing.T) {
	t.Parallel()
	const topic = "job.parsing.error"
	ways := map[string]struct{ subject, body, reply string }{
		"by a reply of the server": {"$JS.API.INFO", "", topic},
		"by a reply that quotes": {
			"$JS.API.CONSUMER.CREATE.HRFLOW.quote",
			`{"stream_name":"HRFLOW","config":{"name":"quote","ack_policy":"none","description":"not an event"}}`, topic,
		},
		"by fetching to it": {"$JS.API.CONSUMER.MSG.NEXT.HRFLOW.fetch", "", topic},
		"by reading to it":  {"$JS.API.STREAM.MSG.GET.HRFLOW", `{"seq":1}`, topic},
		"by a consumer that pushes to it": {
			"$JS.API.CONSUMER.CREATE.HRFLOW.push",
			`{"stream_name":"HRFLOW","config":{"name":"push","ack_policy":"none","deliver_subject":"` + topic + `"}}`, "",
		},
		"by a consumer that pushes to the API": {
			"$JS.API.CONSUMER.CREATE.HRFLOW.delete",
			`{"stream_name":"HRFLOW","config":{"name":"delete","ack_policy":"explicit","headers_only":true,"deliver_subject":"$JS.API.STREAM.DELETE.HRFLOW"}}`, "",
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			b := open(t, options(t))
			publish(t, b, messages("a", 3))
			nc, _ := subscriber(t, b)
			if _, err := jetStream(t, nc).CreateConsumer(t.Context(), "HRFLOW", jetstream.ConsumerConfig{Durable: "fetch"}); err != nil {
				t.Fatal(err)
			}
			reply := way.reply
			if reply == "" {
				reply = nc.NewInbox()
			}
			heard, err := nc.SubscribeSync(reply)
			if err != nil {
				t.Fatal(err)
			}
			if err := nc.PublishRequest(way.subject, reply, []byte(way.body)); err != nil {
				t.Fatal(err)
			}
			if _, err := heard.NextMsg(5 * time.Second); err != nil {
				t.Errorf("no answer: %v", err)
			}
			publish(t, b, messages("after", 1))
			for range 3 { // what a consumer pushes comes a moment later
				wantStored(t, b, messages("a", 3), messages("after", 1))
			}
		})
	}
}
