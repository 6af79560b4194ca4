package nats

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hrbridge/bridge"
)

const (
	// A broker that is away is said at once, and again after the first pause, twice that, and so on up to the longest.
	firstReminder = 15 * time.Second
	lastReminder  = time.Hour
	// What is said again and again is said at such pauses, each twice the one before.
	firstPause = 10 * time.Second
	lastPause  = time.Hour
)

// link is the connection, kept up for ever, and what is known of its state.
type link struct {
	log *zap.Logger
	// setup is handed every new connection object before it is used: mostly one for ever, and another where the server ended
	// it with an error after which nats.go gives up.
	setup func(*natsgo.Conn) error
	// broken and back are told of a connection that ended and of one that is there; denied of a subject that we may not use.
	// They are called from one goroutine.
	broken func()
	back   func()
	denied func(subject string, err error)

	connected  prometheus.Gauge
	reconnects prometheus.Counter

	options   []natsgo.Option
	url       string
	inProcess bool
	conn      atomic.Pointer[natsgo.Conn]
	turn      chan struct{} // full while somebody writes

	mu       sync.Mutex
	gone     chan struct{} // closed when the connection object has made its last call to us
	up       bool
	since    time.Time // when that was last found to be so
	failure  error     // why there is no connection
	reminder *time.Timer
	pause    time.Duration
	closed   bool
	met      bool // there was a connection before

	lost, found, complaint seldom
}

// connect opens the connection. It returns also when the server is out of reach.
func (l *link) connect(d dialing) error {
	options, err := d.options()
	if err != nil {
		return err
	}
	l.url, l.inProcess, l.turn = d.URL, d.InProcess != nil, make(chan struct{}, 1)
	l.options = append(options,
		natsgo.RetryOnFailedConnect(true),
		natsgo.MaxReconnects(-1),
		natsgo.ReconnectWait(reconnectWait),
		natsgo.ReconnectJitter(reconnectJitter, reconnectJitter),
		natsgo.ReconnectBufSize(-1), // without a connection a publish fails at once, instead of being sent when nobody waits for it
		natsgo.IgnoreAuthErrorAbort(),
		natsgo.ConnectHandler(func(*natsgo.Conn) { l.onBack() }),
		natsgo.ReconnectHandler(func(*natsgo.Conn) { l.onBack() }),
		natsgo.DisconnectErrHandler(func(_ *natsgo.Conn, err error) { l.onLost(err) }),
		natsgo.ReconnectErrHandler(func(_ *natsgo.Conn, err error) { l.onAttempt(err) }),
		natsgo.ErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription, err error) { l.onError(err) }),
	)
	l.since = time.Now()
	l.mu.Lock() // the handlers wait until the connection is known
	defer l.mu.Unlock()
	return l.dial()
}

// dial makes a connection object. The mutex is held.
func (l *link) dial() error {
	gone := make(chan struct{})
	nc, err := natsgo.Connect(l.url, append(slices.Clip(l.options), natsgo.ClosedHandler(func(*natsgo.Conn) {
		close(gone)
		l.onClosed()
	}))...)
	if err != nil {
		return err
	}
	l.gone = gone
	l.conn.Store(nc)
	if err := l.setup(nc); err != nil {
		nc.Close()
		return err
	}
	if !nc.IsConnected() {
		l.remind()
	}
	return nil
}

// onClosed is called when a connection object is at its end: when we closed it, or when the server said something after
// which nats.go does not go on. We do.
func (l *link) onClosed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.failure = l.conn.Load().LastError()
	l.log.Error("the broker ended the connection for good; making another", zap.Error(l.failure))
	time.AfterFunc(reconnectWait, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.closed {
			return
		}
		if err := l.dial(); err != nil {
			l.failure = err
			l.log.Error("cannot make another connection to the broker", zap.Error(err))
		}
	})
}

func (l *link) close() {
	l.mu.Lock()
	l.closed, l.up = true, false
	if l.reminder != nil {
		l.reminder.Stop()
	}
	nc, gone := l.conn.Load(), l.gone
	l.mu.Unlock()
	nc.Close()
	<-gone
	l.connected.Set(0)
}

// server is where the connection leads.
func (l *link) server() string {
	if l.inProcess {
		return "in this process"
	}
	return l.conn.Load().ConnectedUrlRedacted()
}

func (l *link) onBack() {
	l.mu.Lock()
	away := time.Since(l.since).Round(time.Millisecond)
	wasAway := l.reminder != nil
	if wasAway {
		l.reminder.Stop()
		l.reminder = nil
	}
	l.up, l.since, l.failure = true, time.Now(), nil
	l.connected.Set(1)
	if l.met {
		l.reconnects.Inc()
	}
	l.met = true
	if l.found.now() {
		if wasAway {
			l.log.Info("broker back", zap.Stringer("after", away), zap.String("server", l.server()))
		} else {
			l.log.Info("connected to the broker", zap.String("server", l.server()), zap.String("version", l.conn.Load().ConnectedServerVersion()))
		}
	}
	l.mu.Unlock()
	l.back()
}

func (l *link) onLost(err error) {
	l.mu.Lock()
	l.connected.Set(0)
	if l.up {
		l.up, l.since = false, time.Now()
	}
	l.failure = err
	if !l.closed {
		l.remind()
	}
	l.mu.Unlock()
	l.broken()
}

// onAttempt notes why a try to connect failed. It comes about every second, so it logs nothing.
func (l *link) onAttempt(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.up && err != nil {
		l.failure = err
	}
}

// violation finds the subject in what the server says of one that we may not use.
var violation = regexp.MustCompile(`(?:Publish|Subscription) to "([^"]*)"`)

func (l *link) onError(err error) {
	l.mu.Lock()
	auth := isAuth(err)
	if auth {
		l.failure = err // the reminder says it
	}
	talk := !l.closed && !auth && l.complaint.now()
	l.mu.Unlock()
	if talk {
		l.log.Warn("the broker complains", zap.Error(err))
	}
	if errors.Is(err, natsgo.ErrPermissionViolation) {
		if m := violation.FindStringSubmatch(err.Error()); m != nil {
			l.denied(m[1], err)
		}
	}
}

// remind says that the broker is away, now and at growing intervals until it is back. The mutex is held.
func (l *link) remind() {
	if l.reminder != nil {
		return
	}
	if l.lost.now() {
		l.log.Warn("broker out of reach; retrying", zap.Error(l.reason()))
	}
	l.pause = firstReminder
	l.reminder = time.AfterFunc(l.pause, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.up || l.closed || l.reminder == nil {
			return
		}
		l.log.Warn("broker still out of reach; retrying", zap.Stringer("for", time.Since(l.since).Round(time.Second)), zap.Error(l.reason()))
		l.pause = min(2*l.pause, lastReminder)
		l.reminder.Reset(l.pause)
	})
}

// reason is why there is no connection, as far as is known. The mutex is held.
func (l *link) reason() error {
	if err := l.conn.Load().LastError(); err != nil && (isAuth(err) || l.failure == nil) {
		return err // nats.go tells nobody of a connection that is refused before it ever stood
	}
	if l.failure == nil {
		return errors.New("no connection yet")
	}
	return l.failure
}

// seldom lets through what may come again and again: the first, and then less and less until there was quiet for a while.
type seldom struct {
	next  time.Time
	pause time.Duration
}

// now tells whether this time is one of them.
func (s *seldom) now() bool {
	quiet := time.Since(s.next)
	if quiet < 0 {
		return false
	}
	if quiet > s.pause {
		s.pause = firstPause
	} else {
		s.pause = min(2*s.pause, lastPause)
	}
	s.next = time.Now().Add(s.pause)
	return true
}

// ready returns nil, or why there is no connection.
func (l *link) ready() *bridge.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	const op = "connect to NATS"
	switch {
	case l.closed:
		return &bridge.Error{Kind: bridge.KindUnavailable, Op: op, Err: errClosed}
	case l.up && l.conn.Load().IsConnected():
		return nil
	case l.up: // it just broke, and onLost is on its way
		return &bridge.Error{Kind: bridge.KindUnavailable, Op: op, Err: errDisconnected}
	}
	err := l.reason()
	if isAuth(err) {
		return &bridge.Error{Kind: bridge.KindRefused, Op: op, Err: fmt.Errorf("the server does not accept these credentials (%w): check user, token, key or credentials file", err)}
	}
	return &bridge.Error{Kind: bridge.KindUnavailable, Op: op, Err: fmt.Errorf("out of reach since %s: %w", l.since.UTC().Format(time.RFC3339), err)}
}
