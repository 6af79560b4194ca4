package kafka

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Compression is how batches are compressed.
type Compression string

// The ways.
const (
	CompressNone   Compression = "none"
	CompressGzip   Compression = "gzip"
	CompressSnappy Compression = "snappy"
	CompressLZ4    Compression = "lz4"
	CompressZstd   Compression = "zstd"
)

// Compressions are all of them.
func Compressions() []Compression {
	return []Compression{CompressNone, CompressLZ4, CompressZstd, CompressSnappy, CompressGzip}
}

// Mechanism is how the bridge says who it is.
type Mechanism string

// The mechanisms.
const (
	SASLNone        Mechanism = "none"
	SASLPlain       Mechanism = "plain"
	SASLScramSHA256 Mechanism = "scram-sha-256"
	SASLScramSHA512 Mechanism = "scram-sha-512"
)

// Mechanisms are all of them.
func Mechanisms() []Mechanism {
	return []Mechanism{SASLNone, SASLPlain, SASLScramSHA256, SASLScramSHA512}
}

// Connection is how to reach the cluster, for publishing and for reading alike.
type Connection struct {
	// Brokers are the addresses, host:port, to learn the cluster from.
	Brokers []string
	// ClientID is what the brokers' logs and quotas show.
	ClientID string
	TLS      TLS
	SASL     SASL
	// DialTimeout bounds one attempt to connect, TLS and SASL included.
	DialTimeout time.Duration
}

// TLS is how the connection is secured.
type TLS struct {
	Enabled bool
	// CAFile holds the only certificates that are trusted, PEM; "" is the system's.
	CAFile string
	// CertFile and KeyFile are the client's certificate, PEM.
	CertFile, KeyFile string
}

// SASL is how the bridge says who it is.
type SASL struct {
	Mechanism      Mechanism
	User, Password string
	// AllowPlaintext allows the password on a connection without TLS.
	AllowPlaintext bool
}

// Options are what a Publisher needs to know. Take Defaults and change what differs.
type Options struct {
	Connection
	// AckTimeout bounds the wait for one produce request's answer, where the caller's context does not end earlier.
	AckTimeout  time.Duration
	Compression Compression
	// Idempotent gives every batch a sequence number, so that a retry within the bridge never stores it twice.
	Idempotent bool
	Topics     Topics

	Log     *zap.Logger
	Metrics prometheus.Registerer
}

// Topics is what the publisher knows of the topics, and what it makes of those that are missing.
type Topics struct {
	// Names are those that are created, or looked for, at the start: the catalogue's and the dead-letter topic.
	Names []string
	// Provision lets the publisher create topics: Names at the start, others when they are first published to, of which there
	// can be no more than the fan-out lets through.
	Provision bool
	// Partitions of a topic that is created.
	Partitions int
	// Replicas of it; 0 is the broker's default.
	Replicas int
	// MinInSync is its min.insync.replicas; 0 is the broker's default.
	MinInSync int
	// Retention is how long it keeps events; 0 is for ever.
	Retention time.Duration
	// MaxMessage is its max.message.bytes; 0 is the broker's default.
	MaxMessage int
	// MinMessage is the size, headers included, that every topic must take: the largest event and its headers.
	MinMessage int
}

// Defaults are the options that serve without being told otherwise.
func Defaults() Options {
	return Options{
		Connection: Connection{
			Brokers:     []string{"127.0.0.1:9092"},
			ClientID:    "hrbridge",
			SASL:        SASL{Mechanism: SASLNone},
			DialTimeout: 2 * time.Second,
		},
		AckTimeout:  5 * time.Second,
		Compression: CompressLZ4,
		Idempotent:  true,
		Topics:      Topics{Provision: true, Partitions: 6, Retention: 7 * 24 * time.Hour},
	}
}

// check refuses what can never work.
func (o Options) check() error {
	t := o.Topics
	switch {
	case !slices.Contains(Compressions(), o.Compression):
		return fmt.Errorf("kafka.compression is %q: want one of %v", o.Compression, Compressions())
	case o.AckTimeout <= 0:
		return errors.New("kafka.ack_timeout has to be longer than nothing")
	case t.Provision && t.Partitions < 1:
		return errors.New("kafka.partitions has to be one at least")
	case t.Replicas < 0 || t.MinInSync < 0 || t.Retention < 0 || t.MaxMessage < 0:
		return errors.New("kafka: what the topics are made with cannot be negative")
	case t.Replicas > 0 && t.MinInSync > t.Replicas:
		return errors.New("kafka.min_insync_replicas is more than kafka.replicas: nothing would ever be acknowledged")
	case t.MaxMessage > 0 && t.MaxMessage < t.MinMessage:
		return fmt.Errorf("kafka.max_message is less than the %d bytes of the largest event with its headers", t.MinMessage)
	}
	return o.Connection.check()
}

func (c Connection) check() error {
	switch {
	case len(c.Brokers) == 0:
		return errors.New("kafka.brokers is empty: set it to the addresses of some brokers, such as 127.0.0.1:9092")
	case c.DialTimeout <= 0:
		return errors.New("kafka.dial_timeout has to be longer than nothing")
	case (c.TLS.CertFile == "") != (c.TLS.KeyFile == ""):
		return errors.New("kafka.tls: of the client certificate and its key only one is set: set both")
	case !c.TLS.Enabled && c.TLS != TLS{}:
		return errors.New("kafka.tls: files are set, and kafka.tls.enabled is not")
	}
	for i, broker := range c.Brokers {
		if host, port, err := net.SplitHostPort(broker); err != nil || host == "" || port == "" {
			return fmt.Errorf("kafka.brokers: address %d is not one: want host:port", i+1)
		}
	}
	return c.SASL.check(c.TLS.Enabled)
}

func (s SASL) check(secure bool) error {
	switch {
	case !slices.Contains(Mechanisms(), s.Mechanism):
		return fmt.Errorf("kafka.sasl.mechanism is %q: want one of %v", s.Mechanism, Mechanisms())
	case s.Mechanism == SASLNone && (s.User != "" || s.Password != ""):
		return errors.New("kafka.sasl: a user or a password is set but no mechanism: set kafka.sasl.mechanism too")
	case s.Mechanism == SASLNone:
		return nil
	case s.User == "" || s.Password == "":
		return errors.New("kafka.sasl: the mechanism needs a user and a password")
	case !secure && !s.AllowPlaintext:
		return errors.New("kafka.sasl would send the password over a connection that everybody on the way can read: " +
			"set kafka.tls.enabled, or kafka.sasl.allow_plaintext where the network is yours alone")
	}
	return nil
}
