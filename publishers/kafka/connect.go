package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"hrbridge/bridge"
)

// metadataTTL is how old the transport's picture of the cluster gets at most. Who learns that it is wrong drops it earlier.
const metadataTTL = 3 * time.Second

// transport is the pool of connections to the cluster, or why there can never be one. It does not connect yet.
//
// The connections are made ready by a dialer of our own: kafka-go's time limit ends where its SASL begins, and a broker that
// falls silent there would hold its caller, and the pool, for good.
func (c Connection) transport() (*kafkago.Transport, error) {
	d, err := c.dialer()
	if err != nil {
		return nil, err
	}
	return &kafkago.Transport{
		Dial: d.dial,
		// kafka-go tries the brokers one after the other within this, and the dialer gives each its own time.
		DialTimeout: time.Duration(len(c.Brokers)) * c.DialTimeout,
		MetadataTTL: metadataTTL,
		ClientID:    c.ClientID,
	}, nil
}

// dialer makes the connections, or says why none can ever be made.
func (c Connection) dialer() (*dialer, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if _, err := c.TLS.config(""); err != nil {
		return nil, err
	}
	mechanism, err := c.SASL.mechanism()
	if err != nil {
		return nil, err
	}
	return &dialer{clientID: c.ClientID, timeout: c.DialTimeout, tls: c.TLS, mechanism: mechanism, user: c.SASL.User}, nil
}

// client asks the cluster through t.
func (c Connection) client(t *kafkago.Transport) *kafkago.Client {
	return &kafkago.Client{Addr: kafkago.TCP(c.Brokers...), Transport: t}
}

// config is what to make a connection to host with. The files are read again for every connection, so that certificates can
// be renewed.
func (t TLS) config(host string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the CA file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("the CA file %s holds no certificate: it has to be PEM", t.CAFile)
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("load the client certificate %s: %w", t.CertFile, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// mechanism is kafka-go's; nil where nobody has to say who he is.
func (s SASL) mechanism() (sasl.Mechanism, error) {
	var m sasl.Mechanism
	var err error
	switch s.Mechanism {
	case SASLPlain:
		return plain.Mechanism{Username: s.User, Password: s.Password}, nil
	case SASLScramSHA256:
		m, err = scram.Mechanism(scram.SHA256, s.User, s.Password)
	case SASLScramSHA512:
		m, err = scram.Mechanism(scram.SHA512, s.User, s.Password)
	case SASLNone:
		return nil, nil
	}
	if err != nil { // it would repeat what it does not like
		return nil, errors.New("kafka.sasl: the user or the password has characters that SCRAM does not allow")
	}
	return m, nil
}

// dialer makes connections that are ready to use: secured, known to lead to a Kafka broker, and logged in.
type dialer struct {
	clientID  string
	timeout   time.Duration // of all of it together
	tls       TLS
	mechanism sasl.Mechanism // nil is none
	user      string
}

// dial connects to one broker. The errors are the domain's.
func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, d.fault(ctx, address, err)
	}
	// The deadline also ends what waits for the peer's bytes, and is taken from a connection that is ready.
	late := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	ready, err := d.prepare(ctx, conn, address)
	if !late() && err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		return ready, nil
	}
	conn.Close()
	return nil, d.fault(ctx, address, err)
}

// fault is the error of an attempt to connect that ended with err, or by the end of ctx.
func (d *dialer) fault(ctx context.Context, address string, err error) *bridge.Error {
	op := "connect to the broker " + address
	if e, ok := errors.AsType[*bridge.Error](err); ok {
		e.Op = op
		return e
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("no answer in time (%s); does a Kafka broker listen there? %w", d.timeout, err)
	}
	return &bridge.Error{Kind: bridge.KindUnavailable, Op: op, Err: err}
}

// prepare secures conn and introduces us.
func (d *dialer) prepare(ctx context.Context, conn net.Conn, address string) (net.Conn, error) {
	if d.tls.Enabled {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		config, err := d.tls.config(host)
		if err != nil { // the files were good at the start
			return nil, &bridge.Error{Kind: bridge.KindRefused, Err: err}
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, tlsFault(err)
		}
		conn = secure
	}
	if err := d.introduce(ctx, conn); err != nil {
		return nil, tlsFault(err) // a broker that wants a certificate says so after the handshake
	}
	return conn, nil
}

// tlsFault makes what no further attempt cures a refusal.
func tlsFault(err error) error {
	var unverified *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	var alert *net.OpError
	switch {
	case errors.As(err, &unverified):
		err = fmt.Errorf("the broker's certificate is not one to trust (%w): check kafka.tls.ca_file, and that the certificate names this address", unverified.Err)
	case errors.As(err, &noTLS):
		err = errors.New("the broker does not speak TLS on this port: check kafka.brokers and kafka.tls.enabled")
	case errors.As(err, &alert) && alert.Op == "remote error":
		err = fmt.Errorf("the broker ended the TLS handshake (%w): check kafka.tls.cert_file and kafka.tls.key_file", alert.Err)
	default:
		return err
	}
	return &bridge.Error{Kind: bridge.KindRefused, Err: err}
}
