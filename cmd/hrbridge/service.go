package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"hrbridge/bridge/admin"
	"hrbridge/bridge/ingress"
	"hrbridge/cmd/hrbridge/config"
	"hrbridge/publishers"
)

// closeTimeout bounds the closing of a part that has nothing left to do, beyond the time that drain_timeout is for.
const closeTimeout = 10 * time.Second

// errSecondSignal ends the program for somebody who does not want to wait.
var errSecondSignal = errors.New("stopped at once by a second signal: deliveries in flight got no answer; whatever was acknowledged is durable")

// service is hrbridge while it serves: the parts, and what connects them.
type service struct {
	cfg config.Config
	log *zap.Logger
	// greet is called once, when deliveries are taken; nil for nothing.
	greet func(listeners, publishers.Publisher)

	// opened is nil, and listening false, until those parts are there: what readiness says meanwhile.
	opened    atomic.Pointer[publishers.Publisher]
	listening atomic.Bool
}

// run serves until ctx ends, a signal comes or a part dies, and stops in order. At a second signal it returns at once and
// leaves what still runs to the end of the process.
func (s *service) run(ctx context.Context, signals <-chan os.Signal) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() {
		err := s.serve(ctx)
		if err == nil {
			s.log.Info("stopped: everything that was acknowledged is durable")
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case sig := <-signals:
		s.log.Info("stopping: finishing what is in flight; a second signal ends it at once",
			zap.Stringer("signal", sig), zap.Duration("drain_timeout", s.cfg.DrainTimeout))
		stop()
	}
	select {
	case err := <-done:
		return err
	case <-signals:
		return errSecondSignal
	}
}

// serve starts the parts, the admin listener first so that it can say what is missing; waits; and stops them in the order in
// which they depend on one another.
func (s *service) serve(ctx context.Context) (err error) {
	at, err := s.listenAll(ctx)
	if err != nil {
		return err
	}
	defer at.close() // those that no part has taken over
	metrics, notes := newMetrics(), s.examine()
	adm := admin.New(admin.Options{Checks: s.checks(), Notes: notes, Metrics: metrics, Log: s.log.Named("admin"), Version: buildVersion()})
	admServing := start("the admin listener", adm.Serve, at.admin)
	defer func() { err = errors.Join(err, s.stopAdmin(ctx, adm, admServing)) }()

	publisher, in, err := s.open(ctx, metrics)
	switch {
	case err != nil && ctx.Err() != nil: // told to stop before it had begun
		return nil
	case err != nil:
		return err
	}
	s.opened.Store(&publisher)
	inServing := start("the ingress", in.Serve, at.ingress)
	s.listening.Store(true)
	s.logStart(at)
	s.logNotes(notes)
	if s.greet != nil {
		s.greet(at, publisher)
	}
	watching, unwatch := context.WithCancel(context.WithoutCancel(ctx))
	defer unwatch()
	go adm.Watch(watching)

	select {
	case <-ctx.Done():
	case <-inServing.ended:
		err = inServing.died()
	case <-admServing.ended:
		err = admServing.died()
	}
	adm.Drain()
	return errors.Join(err, s.drain(ctx, in, inServing), s.closePublisher(publisher))
}

// drain takes no more deliveries and finishes those in flight. It returns when the ingress is done with the publisher for
// good: only then may that be closed.
func (s *service) drain(ctx context.Context, in *ingress.Server, serving *part) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.DrainTimeout)
	defer cancel()
	err := in.Shutdown(ctx)
	<-serving.ended
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("drain_timeout of %v passed with deliveries in flight, which got no answer: raise it, or see why the broker is slow", s.cfg.DrainTimeout)
	}
	return err
}

// closePublisher closes the publisher and whatever it stands on, but does not wait for a broker for ever.
func (s *service) closePublisher(p publishers.Publisher) error {
	closed := make(chan error, 1)
	go func() { closed <- p.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			return fmt.Errorf("close the publisher: %w", err)
		}
		return nil
	case <-time.After(closeTimeout):
		return fmt.Errorf("the publisher was not closed within %v", closeTimeout)
	}
}

func (s *service) stopAdmin(ctx context.Context, adm *admin.Server, serving *part) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	err := adm.Shutdown(ctx)
	<-serving.ended
	return err
}

// part is a listener being served.
type part struct {
	name  string
	ended chan struct{}
	err   error // of Serve; to be read when ended is closed
}

func start(name string, serve func(net.Listener) error, ln net.Listener) *part {
	p := &part{name: name, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		p.err = serve(ln)
	}()
	return p
}

// died is the error of a part that ended although nobody stopped it.
func (p *part) died() error {
	if p.err == nil {
		return fmt.Errorf("%s ended by itself", p.name)
	}
	return fmt.Errorf("%s failed: %w", p.name, p.err)
}
