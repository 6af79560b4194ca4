package nats

import (
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Commit is how a call's messages are made durable.
type Commit string

// The two ways.
const (
	// CommitPipeline sends each call's messages at once and waits for all acknowledgements: the fastest way on a server
	// that does not sync every write.
	CommitPipeline Commit = "pipeline"
	// CommitBatch gathers concurrent calls and commits them as one atomic batch: the fastest way, more than ten times, on a
	// server that syncs every write. It needs a server of version 2.12 or later.
	CommitBatch Commit = "batch"
)

// Options are what a connection and a Publisher need to know. Take Defaults and change what differs.
type Options struct {
	// URL is one or more server addresses, separated by commas.
	URL string
	// Name is what the server's monitoring shows of this connection.
	Name string
	Auth Auth
	TLS  TLS
	// ConnectTimeout bounds one attempt to connect.
	ConnectTimeout time.Duration
	// AckTimeout bounds the wait for the acknowledgements of what was sent together, where the caller's context does not end
	// earlier. A call that is larger than its share of the window is sent in portions.
	AckTimeout time.Duration
	Commit     Commit
	// Window is how many messages may be on their way, without an acknowledgement, at one time (CommitPipeline). A message
	// counts once for every 16 KiB of it.
	Window int
	Stream Stream
	// Provision lets the publisher create the stream, and change what may be changed of it; without it the stream is only checked.
	Provision bool

	// InProcess connects without a socket to a server in this process; nil for a server elsewhere.
	InProcess natsgo.InProcessConnProvider
	// Trust is asked before an id that the server has already counts as stored: a server whose disk failed in the middle of a
	// batch knows ids of messages that it could not write. nil is trust, which is all there can be in a server elsewhere.
	Trust   func() error
	Log     *zap.Logger
	Metrics prometheus.Registerer
}

// Auth is how the bridge says who it is: at most one of user and password, token, NKey seed file, credentials file.
type Auth struct {
	User, Password  string
	Token           string
	NKeySeedFile    string
	CredentialsFile string
}

// TLS is how the connection is secured. The zero value follows the URL: tls:// verifies against the system's roots.
type TLS struct {
	// CAFile holds the only certificates that are trusted, PEM.
	CAFile string
	// CertFile and KeyFile are the client's certificate, PEM.
	CertFile, KeyFile string
}

// Stream is the JetStream stream that holds the events.
type Stream struct {
	Name string
	// Subjects are what the stream listens on: {prefix}{object}.*.* of each object, and the dead-letter topic.
	Subjects []string
	Replicas int
	// DuplicateWindow is how long the server remembers an id; a redelivery within it is stored once.
	DuplicateWindow time.Duration
	// MaxAge, MaxBytes and MaxMessages bound the stream; 0 is no limit. It discards new messages when full: nothing unread
	// is dropped in silence.
	MaxAge      time.Duration
	MaxBytes    int64
	MaxMessages int64
	// Compress stores blocks with S2.
	Compress bool
	// MinMessage is the size, headers included, that the stream and the server must take: the largest event and its headers.
	MinMessage int
}

// Defaults are the options that serve without being told otherwise.
func Defaults() Options {
	return Options{
		URL:            natsgo.DefaultURL,
		Name:           "hrbridge",
		ConnectTimeout: 2 * time.Second,
		AckTimeout:     5 * time.Second,
		Commit:         CommitPipeline,
		Window:         4096,
		Provision:      true,
		Stream: Stream{
			Name:            "HRFLOW",
			Replicas:        1,
			DuplicateWindow: 2 * time.Minute,
			MaxAge:          7 * 24 * time.Hour,
		},
	}
}
