package embedded

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nuid"
	"go.uber.org/zap"

	"hrbridge/publishers/nats"
)

const (
	// maxMemory is for consumers whose state lives in memory; the stream's messages never do.
	maxMemory = 64 << 20
	// startTime is how long a server may take to recover its store.
	startTime = time.Minute
	// writeError is in the server's health when a stream could not be written.
	writeError = " write error: "
)

// engine is the server. It can be started again in place: a store that met a write error stays dead until then.
type engine struct {
	name    string         // in texts
	options server.Options // each start takes a copy
	access  *access
	topics  []string // what subscribers may read; nil where there are no subscribers
	log     *zap.Logger
	// prepare is called before each start; nil for nothing.
	prepare func() error

	mu      sync.RWMutex
	running *server.Server // nil while there is none
}

// newEngine is an engine on the store in folder, without a listener.
func newEngine(name, folder string, a *access, maxPayload int, maxStore int64, log *zap.Logger) *engine {
	return &engine{name: name, access: a, log: log, options: server.Options{
		ServerName:                 "hrbridge-" + nuid.Next(),
		NoSigs:                     true,
		NoLog:                      true,
		DontListen:                 true,
		CustomClientAuthentication: a,
		MaxPayload:                 int32(max(server.MAX_PAYLOAD_SIZE, maxPayload)),
		JetStream:                  true,
		StoreDir:                   folder,
		SyncAlways:                 true,
		JetStreamMaxMemory:         maxMemory,
		JetStreamMaxStore:          maxStore,
		DisableJetStreamBanner:     true,
	}}
}

// engine is the engine of a broker: one with subscribers, and a listener where the options have one.
func (o Options) engine(a *access, maxStore int64) (*engine, error) {
	e := newEngine(brokerName, o.DataDir, a, o.Stream.MinMessage, maxStore, o.Log)
	e.topics = o.Stream.Subjects
	e.options.DontListen = o.Listen == ""
	if o.Listen != "" {
		var err error
		if e.options.Host, e.options.Port, err = o.address(); err != nil {
			return nil, err
		}
	}
	if o.TLS.CertFile != "" {
		config, err := server.GenTLSConfig(&server.TLSConfigOpts{
			CertFile: o.TLS.CertFile, KeyFile: o.TLS.KeyFile, CaFile: o.TLS.ClientCAFile, Verify: o.TLS.ClientCAFile != "",
		})
		if err != nil {
			return nil, misconfigured("embedded.tls: %w", err)
		}
		e.options.TLS, e.options.TLSVerify, e.options.TLSConfig = true, o.TLS.ClientCAFile != "", config
	}
	return e, nil
}

// start starts the server, whose own words for why it cannot are its log's.
func (e *engine) start() error {
	if err := e.claimPort(); err != nil {
		return err
	}
	if e.prepare != nil {
		if err := e.prepare(); err != nil {
			return fmt.Errorf("start %s: %w", e.name, err)
		}
	}
	options := e.options
	s, err := server.NewServer(&options)
	if err != nil {
		return fmt.Errorf("start %s: %w", e.name, err)
	}
	log := newServerLog(e.log, e.name)
	s.SetLoggerV2(log, false, false, false)
	s.Start()
	if err := e.open(s, log); err != nil {
		s.Shutdown()
		s.WaitForShutdown()
		return fmt.Errorf("start %s: %w", e.name, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running = s
	return nil
}

// open makes sure that s has started, and lets subscribers in.
func (e *engine) open(s *server.Server, log *serverLog) error {
	switch why := log.fatal(); {
	case why != "":
		return errors.New(why)
	case !s.ReadyForConnections(startTime):
		return fmt.Errorf("not ready after %v", startTime)
	case e.topics == nil:
		return nil
	}
	subscribers, err := separate(s, e.topics)
	if err == nil {
		e.access.account.Store(subscribers)
	}
	return err
}

// claimPort finds out whether the port can be had, which the server does not tell, and which one it is where any will do:
// a server that is started again has to be where it was.
func (e *engine) claimPort() error {
	if e.options.DontListen {
		return nil
	}
	address := net.JoinHostPort(e.options.Host, strconv.Itoa(e.options.Port))
	listener, err := net.Listen("tcp", address) //nolint:noctx // a port is had at once or not at all
	if err != nil {
		return fmt.Errorf("the embedded broker cannot listen on %s: %w: stop what uses it, or set embedded.listen to another address", address, cause(err))
	}
	e.options.Port = listener.Addr().(*net.TCPAddr).Port
	return listener.Close()
}

// cause is err without what the message around it says already.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// stop stops the server, if there is one, and waits until it has let go of its store.
func (e *engine) stop() {
	e.mu.Lock()
	s := e.running
	e.running = nil
	e.mu.Unlock()
	if s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// server returns the one that runs, or nil.
func (e *engine) server() *server.Server {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.running
}

// sound returns nil when the server runs and its store has met no write error since it was started, or what is wrong.
func (e *engine) sound() error {
	s := e.server()
	if s == nil {
		return errors.New(e.name + " is not running")
	}
	if !s.JetStreamEnabled() {
		return errors.New("its JetStream is switched off")
	}
	// Of the server's health nothing else counts: a stream that is being made, or a server that had no time to answer within
	// the millisecond that it gives itself, says nothing of the store.
	if h := s.Healthz(nil); strings.Contains(h.Error, writeError) {
		return errors.New(h.Error)
	}
	return nil
}

// InProcessConn connects the publisher to whichever server runs.
func (e *engine) InProcessConn() (net.Conn, error) {
	s := e.server()
	if s == nil {
		return nil, errors.New(e.name + " is not running")
	}
	return s.InProcessConn()
}

// url is where subscribers connect, "" where they cannot.
func (e *engine) url() string {
	s := e.server()
	if s == nil || e.options.DontListen {
		return ""
	}
	return s.ClientURL()
}

// publisher opens the publisher on the engine.
func (o Options) publisher(e *engine, a *access) nats.Options {
	n := nats.Defaults()
	n.Auth = nats.Auth{User: bridgeUser, Password: a.password}
	n.InProcess = e
	n.Commit = nats.CommitBatch
	n.Stream = o.Stream
	n.Trust = e.sound
	n.Log, n.Metrics = o.Log, o.Metrics
	return n
}
