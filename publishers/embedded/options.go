package embedded

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hrbridge/publishers/nats"
)

// Options are what the embedded broker needs to know. Take Defaults and change what differs.
type Options struct {
	// DataDir is the folder that the store lives in; one process at a time may use it.
	DataDir string
	// Listen is host:port for subscribers, "" for none.
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
