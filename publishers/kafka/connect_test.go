package kafka_test

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
)

func TestABrokerThatSwallowsHoldsNobody(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*kafka.Connection){
		"plainly": func(*kafka.Connection) {},
		"by TLS":  func(c *kafka.Connection) { c.TLS.Enabled = true },
		"in the login": func(c *kafka.Connection) {
			c.SASL = kafka.SASL{Mechanism: kafka.SASLScramSHA256, User: "ada", Password: "secret", AllowPlaintext: true}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hole := blackHole(t)
			o := kafka.TailOptions{Connection: kafka.Connection{
				Brokers: []string{hole}, DialTimeout: 200 * time.Millisecond, SASL: kafka.SASL{Mechanism: kafka.SASLNone},
			}}
			change(&o.Connection)
			err := kafka.Tail(t.Context(), o, func(bridge.Record) error { return nil })
			if bridge.KindOf(err) != bridge.KindUnavailable || !strings.Contains(err.Error(), "no answer in time") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// blackHole is the address of a listener that takes connections and bytes, and says nothing.
func blackHole(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var taking sync.WaitGroup
	taking.Go(func() {
		var held []net.Conn
		for {
			conn, err := l.Accept()
			if err != nil {
				break
			}
			held = append(held, conn)
		}
		for _, conn := range held {
			conn.Close()
		}
	})
	t.Cleanup(func() { l.Close(); taking.Wait() })
	return l.Addr().String()
}

func TestABrokerThatSwallowsIsPassedBy(t *testing.T) {
	t.Parallel()
	c := newTailed(t)
	c.write("profile.parsing.success", 0, "a")
	o := c.options(bridge.Reading{From: bridge.From{Start: true}, ToEnd: true})
	o.DialTimeout = 3 * time.Second
	o.Brokers = append([]string{blackHole(t), blackHole(t)}, o.Brokers...)
	read := 0
	if err := kafka.Tail(t.Context(), o, func(bridge.Record) error { read++; return nil }); err != nil || read != 1 {
		t.Errorf("read %d, %v", read, err)
	}
}

// counted counts the connections that a listener takes.
type counted struct {
	net.Listener
	taken *atomic.Int32
}

func (l counted) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.taken.Add(1)
	}
	return conn, err
}

func TestTailTakesFewConnections(t *testing.T) {
	t.Parallel()
	var taken atomic.Int32
	names := []string{}
	for _, object := range []string{"profile", "job", "action", "agent"} {
		for _, word := range []string{"a", "b", "c", "d", "e"} {
			names = append(names, object+".parsing."+word)
		}
	}
	c := newTailed(t, kfake.SeedTopics(6, names...), kfake.ListenFn(func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		return counted{l, &taken}, err
	}))
	for i, name := range names {
		c.write(name, i%6, name)
	}
	taken.Store(0)
	if got := c.all(); len(got) != len(names) {
		t.Errorf("read %d of %d", len(got), len(names))
	}
	if n := taken.Load(); n > 10 { // three leaders, one that tells of them, and now and then one beside one that is not free again yet
		t.Errorf("to read %d partitions took %d connections", 6*(len(names)+2), n)
	}
}

func TestALoginThatTheBrokerDoesNotTakeIsRefused(t *testing.T) {
	t.Parallel()
	c := newTailed(t, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "admin", "admin"))
	c.ControlKey(int16(kmsg.SASLHandshake), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		shake, ok := r.ResponseKind().(*kmsg.SASLHandshakeResponse)
		shake.ErrorCode, shake.SupportedMechanisms = 33, []string{"GSSAPI", "OAUTHBEARER"}
		return shake, nil, ok
	})
	o := c.options(bridge.Reading{})
	o.SASL = kafka.SASL{Mechanism: kafka.SASLPlain, User: "admin", Password: "admin", AllowPlaintext: true}
	err := kafka.Tail(t.Context(), o, func(bridge.Record) error { return nil })
	wantError(t, err, bridge.KindRefused, "the broker takes GSSAPI, OAUTHBEARER: set kafka.sasl.mechanism")
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for words, change := range map[string]func(*kafka.Options){
		"kafka.brokers is empty":       func(o *kafka.Options) { o.Brokers = nil },
		"kafka.brokers: address 2":     func(o *kafka.Options) { o.Brokers = []string{"a:1", "b"} },
		"kafka.dial_timeout":           func(o *kafka.Options) { o.DialTimeout = 0 },
		"kafka.ack_timeout":            func(o *kafka.Options) { o.AckTimeout = 0 },
		"kafka.compression":            func(o *kafka.Options) { o.Compression = "zip" },
		"kafka.partitions":             func(o *kafka.Options) { o.Topics.Partitions = 0 },
		"cannot be negative":           func(o *kafka.Options) { o.Topics.Retention = -1 },
		"kafka.min_insync_replicas":    func(o *kafka.Options) { o.Topics.Replicas, o.Topics.MinInSync = 1, 2 },
		"kafka.max_message":            func(o *kafka.Options) { o.Topics.MaxMessage, o.Topics.MinMessage = 1, 2 },
		"only one is set":              func(o *kafka.Options) { o.TLS = kafka.TLS{Enabled: true, CertFile: "x"} },
		"kafka.tls.enabled is not":     func(o *kafka.Options) { o.TLS = kafka.TLS{CAFile: "x"} },
		"read the CA file":             func(o *kafka.Options) { o.TLS = kafka.TLS{Enabled: true, CAFile: "/dev/null/none"} },
		"holds no certificate":         func(o *kafka.Options) { o.TLS = kafka.TLS{Enabled: true, CAFile: "/dev/null"} },
		"load the client certificate":  func(o *kafka.Options) { o.TLS = kafka.TLS{Enabled: true, CertFile: "/dev/null", KeyFile: "/dev/null"} },
		"kafka.sasl.mechanism is":      func(o *kafka.Options) { o.SASL.Mechanism = "kerberos" },
		"set kafka.sasl.mechanism too": func(o *kafka.Options) { o.SASL.User = "ada" },
		"needs a user and a password":  func(o *kafka.Options) { o.SASL.Mechanism = kafka.SASLPlain },
		"kafka.sasl would send the password": func(o *kafka.Options) {
			o.SASL = kafka.SASL{Mechanism: kafka.SASLPlain, User: "ada", Password: "swordfish"}
		},
		"characters that SCRAM does not allow": func(o *kafka.Options) {
			o.SASL = kafka.SASL{Mechanism: kafka.SASLScramSHA256, User: "ada", Password: "swordfish\x00", AllowPlaintext: true}
		},
	} {
		o := kafka.Defaults()
		change(&o)
		p, err := kafka.Open(t.Context(), o)
		if p != nil || err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "swordfish") {
			t.Errorf("%s: got %v, %v", words, p, err)
		}
	}
}
