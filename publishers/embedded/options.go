package embedded

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hrbridge/publishers/nats"
)

// ErrConfiguration is what an error of Open is, by errors.Is, that only other options can cure. Any other error of Open is
// the environment's: a folder in use, a port taken, a disk nearly full.
var ErrConfiguration = errors.New("configuration")

// Options are what the embedded broker needs to know. Take Defaults and change what differs.
type Options struct {
	// DataDir is the folder that the store lives in; one process at a time may use it.
	DataDir string
	// Listen is host:port for subscribers, "" for none; port 0 is any that is free.
	Listen string
	// User and Password, or Token, are asked of subscribers; a listener beyond loopback needs one of them, or TLS with client certificates.
	User, Password string
	Token          string
	TLS            ListenerTLS
	// MaxStore is how many bytes the store may take, 0 for what the disk has free less MinFree.
	MaxStore int64
	// MinFree is how much of the disk stays free: with less, nothing is published, so that the store never meets a full disk.
	MinFree int64
	// DiskInterval is how often free disk is looked at.
	DiskInterval time.Duration
	Stream       nats.Stream

	Log     *zap.Logger
	Metrics prometheus.Registerer
}

// ListenerTLS secures the listener. With ClientCAFile subscribers must show a certificate of that authority.
type ListenerTLS struct {
	CertFile, KeyFile string
	ClientCAFile      string
}

// Defaults are the options that serve without being told otherwise.
func Defaults() Options {
	return Options{
		DataDir:      "./data",
		Listen:       "127.0.0.1:4222",
		MinFree:      512 << 20,
		DiskInterval: 5 * time.Second,
		Stream:       nats.Defaults().Stream,
	}
}

// secured tells whether subscribers have to say who they are.
func (o Options) secured() bool { return o.User != "" || o.Token != "" || o.TLS.ClientCAFile != "" }

// complete returns the options as the broker uses them, or what is wrong with them.
func (o Options) complete() (Options, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	switch {
	case o.DataDir == "":
		return o, misconfigured("data_dir is empty: set it to a folder")
	case o.DiskInterval <= 0:
		return o, misconfigured("the interval for looking at free disk has to be longer than nothing")
	case o.User != "" && o.Token != "":
		return o, misconfigured("embedded.user and embedded.token are both set: keep one")
	case (o.User == "") != (o.Password == ""):
		return o, misconfigured("of embedded.user and embedded.password only one is set: set both")
	case (o.TLS.CertFile == "") != (o.TLS.KeyFile == ""):
		return o, misconfigured("of embedded.tls.cert_file and embedded.tls.key_file only one is set: set both")
	case o.TLS.ClientCAFile != "" && o.TLS.CertFile == "":
		return o, misconfigured("embedded.tls.client_ca_file needs embedded.tls.cert_file and embedded.tls.key_file: set them")
	case o.Stream.Replicas > 1:
		return o, misconfigured("stream.replicas is %d, and the embedded broker is a single server: set it to 1", o.Stream.Replicas)
	case o.Listen == "":
		return o, nil
	}
	host, _, err := o.address()
	if err != nil {
		return o, err
	}
	if !loopback(host) && !o.secured() {
		return o, misconfigured("embedded.listen %s is open to the network without asking who is there: "+
			"set embedded.user and embedded.password, embedded.token, or embedded.tls.client_ca_file; or listen on 127.0.0.1", o.Listen)
	}
	return o, nil
}

// address is the listener's host, "" for all interfaces, and port.
func (o Options) address() (host string, port int, err error) {
	host, digits, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return "", 0, misconfigured("embedded.listen %q is not host:port", o.Listen)
	}
	number, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return "", 0, misconfigured("embedded.listen %q: the port has to be a number up to 65535", o.Listen)
	}
	return host, int(number), nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return strings.EqualFold(host, "localhost")
	}
	return ip.Unmap().IsLoopback()
}

// configurationError is an error of Open that only other options can cure.
type configurationError struct{ error }

func (configurationError) Is(target error) bool { return target == ErrConfiguration }

func (e configurationError) Unwrap() error { return e.error }

func misconfigured(format string, args ...any) error {
	return configurationError{fmt.Errorf(format, args...)}
}
