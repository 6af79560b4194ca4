package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/zap"

	"hrbridge/bridge"
	"hrbridge/bridge/admin"
	"hrbridge/bridge/ingress"
	"hrbridge/publishers"
)

// listeners are the two that a service has.
type listeners struct{ ingress, admin net.Listener }

// listenAll takes both addresses before anything else is started: a port in use is then all that has happened. Connections
// that come meanwhile wait until they are served.
func (s *service) listenAll(ctx context.Context) (listeners, error) {
	adm, err := listen(ctx, "admin.listen", s.cfg.AdminListen)
	if err != nil {
		return listeners{}, err
	}
	in, err := listen(ctx, "listen", s.cfg.Listen)
	if err != nil {
		adm.Close()
		return listeners{}, err
	}
	return listeners{ingress: in, admin: adm}, nil
}

// close closes both; a part that serves one has closed it already.
func (l listeners) close() {
	l.ingress.Close()
	l.admin.Close()
}

// listen takes the address that a key of the configuration gives.
func listen(ctx context.Context, key, addr string) (net.Listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, environmentError(fmt.Errorf("%s: %s is in use by another process: stop that one, or set %s to another address", key, addr, key))
	case errors.Is(err, syscall.EACCES):
		return nil, environmentError(fmt.Errorf("%s: this user may not listen on %s: set %s to a port from 1024 up", key, addr, key))
	default:
		return nil, environmentError(fmt.Errorf("%s: cannot listen on %s: %w: set %s to an address of this machine", key, addr, err, key))
	}
}

// open opens what a delivery goes through after the listener: publisher, fan-out and ingress.
func (s *service) open(ctx context.Context, metrics prometheus.Registerer) (publishers.Publisher, *ingress.Server, error) {
	o := s.cfg.Publisher()
	log := s.log.Named("publisher")
	o.NATS.Log, o.NATS.Metrics = log, metrics
	o.Kafka.Log, o.Kafka.Metrics = log, metrics
	o.Embedded.Log, o.Embedded.Metrics = log, metrics
	o.Spool.Log, o.Spool.Metrics = s.log.Named("spool"), metrics
	publisher, err := publishers.Open(ctx, o)
	switch {
	case errors.Is(err, publishers.ErrConfiguration):
		return nil, nil, usageError(err)
	case err != nil:
		return nil, nil, environmentError(err)
	}
	in, err := s.openIngress(publisher, metrics)
	if err != nil {
		return nil, nil, errors.Join(usageError(err), s.closePublisher(publisher))
	}
	return publisher, in, nil
}

func (s *service) openIngress(p bridge.Publisher, metrics prometheus.Registerer) (*ingress.Server, error) {
	fanout, err := bridge.NewFanout(p, s.cfg.Fanout())
	if err != nil {
		return nil, fmt.Errorf("the fan-out: %w", err)
	}
	return ingress.New(s.cfg.Ingress(), fanout, s.log.Named("ingress"), metrics)
}

// checks are what /readyz asks.
func (s *service) checks() []admin.Check {
	return []admin.Check{
		{Name: "ingress", Ready: func(context.Context) error {
			if !s.listening.Load() {
				return errors.New("starting")
			}
			return nil
		}},
		{Name: "publisher", Ready: func(ctx context.Context) error {
			p := s.opened.Load()
			if p == nil {
				return errors.New("starting")
			}
			if err := (*p).Ready(ctx); err != nil {
				return err
			}
			if d, ok := (*p).(interface{ Degraded(context.Context) string }); ok {
				return admin.Degraded(d.Degraded(ctx))
			}
			return nil
		}},
	}
}

// newMetrics is the registry of all parts, with what concerns the process as a whole.
func newMetrics() *prometheus.Registry {
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hrbridge_build_info", Help: "Always 1; which version runs."}, []string{"version"})
	build.WithLabelValues(buildVersion()).Set(1)
	r := prometheus.NewRegistry()
	r.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

func (s *service) logStart(at listeners) {
	s.log.Info("taking deliveries",
		zap.String("version", buildVersion()),
		zap.Stringer("listen", at.ingress.Addr()),
		zap.Stringer("admin_listen", at.admin.Addr()),
		zap.Strings("sources", s.sources()),
		zap.String("publisher", s.cfg.Publisher().Name),
		zap.String("data_dir", s.cfg.DataDir))
}

// sources are the names of the webhooks.
func (s *service) sources() []string {
	var names []string
	for _, source := range s.cfg.Ingress().Sources {
		names = append(names, source.Name)
	}
	return names
}
