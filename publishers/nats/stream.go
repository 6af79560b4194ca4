package nats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"hrbridge/bridge"
)

const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
	// A stream that is missing is not looked for at every message that finds none.
	recheckEvery = time.Second
)

// keeper provisions or checks the stream, after every connect and whenever nothing seems to take our messages, until it is
// as it has to be. Nothing is published before.
type keeper struct {
	stream    Stream
	batch     bool
	provision bool
	timeout   time.Duration
	log       *zap.Logger
	conn      func() *natsgo.Conn
	memory    *memory

	kick chan struct{} // has room for one

	mu         sync.Mutex
	connection int                     // counts connections: what was found on one says nothing of the next
	found      *bridge.Error           // why not; nil is ready
	largest    int                     // the largest message that server and stream take
	checked    time.Time               // when the last check ended
	cancel     context.CancelCauseFunc // ends the check that is under way
	said       string                  // of the stream's state, in the log
	warned     string                  // of differences that break nothing
}

func newKeeper(o Options, conn func() *natsgo.Conn, m *memory) *keeper {
	return &keeper{
		memory: m,
		stream: o.Stream, batch: o.Commit == CommitBatch, provision: o.Provision, timeout: o.AckTimeout, log: o.Log, conn: conn,
		kick: make(chan struct{}, 1), found: notChecked(o.Stream.Name),
	}
}

func notChecked(stream string) *bridge.Error {
	return &bridge.Error{Kind: bridge.KindUnavailable, Op: "check stream " + stream, Err: errors.New("not done yet")}
}

// ready returns nil, or why the stream cannot take messages.
func (k *keeper) ready() *bridge.Error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.found
}

// limit is how large a message may be, headers included.
func (k *keeper) limit() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.largest
}

// lost says that the connection is gone, and with it all that is known.
func (k *keeper) lost() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.connection++
	k.found = notChecked(k.stream.Name)
	if k.cancel != nil {
		k.cancel(errDisconnected)
	}
}

// connected asks for a check now.
func (k *keeper) connected() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

// missing says that the stream did not take a message as it should have: it may have been deleted or changed.
func (k *keeper) missing() {
	k.mu.Lock()
	recent := time.Since(k.checked) < recheckEvery
	k.mu.Unlock()
	if !recent {
		k.connected()
	}
}

// denied says that we may not use subject: if that is what the check under way needs, it waits in vain.
func (k *keeper) denied(subject string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.cancel != nil && (strings.HasPrefix(subject, "$JS.") || strings.HasPrefix(subject, natsgo.InboxPrefix)) {
		k.cancel(err)
	}
}

// run checks whenever it is asked to, until ctx ends.
func (k *keeper) run(ctx context.Context) {
	retry := time.NewTimer(0)
	retry.Stop()
	defer retry.Stop()
	pause := firstRetry
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.kick:
			pause = firstRetry
		case <-retry.C:
		}
		if !k.conn().IsConnected() || k.check(ctx) {
			retry.Stop() // the next connect asks again
			continue
		}
		retry.Reset(pause)
		pause = min(2*pause, lastRetry)
	}
}

// check looks once, and is true when the stream is as it has to be.
func (k *keeper) check(ctx context.Context) bool {
	ctx, stop := context.WithTimeout(ctx, k.timeout)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	k.mu.Lock()
	connection := k.connection
	k.cancel = cancel
	k.mu.Unlock()

	largest, err := k.ensure(ctx)
	var found *bridge.Error
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && errors.Is(err, ctx.Err()) {
			err = cause
		}
		found = k.explain(err)
	}

	k.mu.Lock()
	defer k.mu.Unlock()
	k.cancel = nil
	if connection != k.connection {
		return true // not about the connection that is; its connect asked again
	}
	k.found, k.largest, k.checked = found, largest, time.Now()
	k.say()
	return found == nil
}

// say logs the stream's state where it is another than it was said to be last. The mutex is held.
func (k *keeper) say() {
	state := "ready"
	if k.found != nil {
		state = k.found.Error()
	}
	switch {
	case state == k.said:
	case k.found != nil:
		k.log.Error("the stream is not ready", zap.String("stream", k.stream.Name), zap.Error(k.found))
	default:
		k.log.Info("the stream is ready", zap.String("stream", k.stream.Name))
	}
	k.said = state
}

// ensure makes the stream what it has to be, as far as it may, and returns the largest message that it takes.
func (k *keeper) ensure(ctx context.Context) (int, error) {
	nc := k.conn()
	js, err := jetstream.New(nc)
	if err != nil {
		return 0, err
	}
	acknowledged := k.memory.acknowledged.Load() // before the stream is asked: what comes later may not be in its answer
	found, err := k.find(ctx, js)
	if err != nil {
		return 0, err
	}
	k.memory.compare(acknowledged, found)
	have := found.Config
	differences := k.stream.compare(k.batch, have)
	if wanted, changed := k.fixed(have, differences); changed {
		info, err := js.UpdateStream(ctx, wanted)
		if err != nil {
			return 0, fmt.Errorf("change it (%s): %w", describe(differences), err)
		}
		have = info.CachedInfo().Config
		k.log.Info("changed the stream", zap.String("stream", k.stream.Name), zap.String("differences", describe(differences)))
		differences = k.stream.compare(k.batch, have)
	}
	differences = append(differences, k.stream.comparePayload(nc.MaxPayload())...)
	largest := int(nc.MaxPayload())
	if have.MaxMsgSize > 0 {
		largest = min(largest, int(have.MaxMsgSize))
	}
	return largest, k.judge(differences, nc.ConnectedServerVersion())
}

// find returns the stream as it is, creating it where there is none and that is allowed.
func (k *keeper) find(ctx context.Context, js jetstream.JetStream) (*jetstream.StreamInfo, error) {
	for {
		s, err := js.Stream(ctx, k.stream.Name)
		if err == nil {
			return s.CachedInfo(), nil
		}
		if !errors.Is(err, jetstream.ErrStreamNotFound) || !k.provision {
			return nil, err
		}
		s, err = js.CreateStream(ctx, k.stream.configuration(k.batch))
		if err == nil {
			k.log.Info("created the stream", zap.String("stream", k.stream.Name), zap.Strings("subjects", k.stream.Subjects))
			return s.CachedInfo(), nil
		}
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // then another bridge was faster: see what it made
			return nil, fmt.Errorf("create it: %w", err)
		}
	}
}

// fixed is the configuration with every difference mended that can be.
func (k *keeper) fixed(have jetstream.StreamConfig, differences []difference) (jetstream.StreamConfig, bool) {
	changed := false
	for _, d := range differences {
		if k.provision && d.fix != nil {
			d.fix(&have)
			changed = true
		}
	}
	return have, changed
}

// judge refuses what breaks a promise and warns once of the rest.
func (k *keeper) judge(differences []difference, version string) error {
	var grave, mild []difference
	for _, d := range differences {
		if d.grave {
			grave = append(grave, d)
		} else {
			mild = append(mild, d)
		}
	}
	if text := describe(mild); text != k.warned {
		k.warned = text
		if text != "" {
			k.log.Warn("the stream is not as configured; it stays as it is", zap.String("stream", k.stream.Name), zap.String("differences", text))
		}
	}
	if len(grave) == 0 {
		return nil
	}
	return &unfit{differences: grave, provision: k.provision, version: version}
}
