package ingress

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"hrbridge/bridge"
	"hrbridge/bridge/signature"
)

// Fanout publishes the events of a delivery: a [bridge.Fanout], in the program.
//
// Publish returns a receipt when every event is durable, and otherwise a [*bridge.Error]. It sets the Reason of events that
// it dead-letters, returns soon after ctx ends, and keeps no reference to the delivery's bytes after it returned.
type Fanout interface {
	Publish(ctx context.Context, d bridge.Delivery, events []bridge.Event) (bridge.Receipt, error)
}

// Server takes deliveries in.
type Server struct {
	options     Options
	fanout      Fanout
	sources     map[string]*source
	buffers     *buffers
	unzippers   unzippers
	connections *connections
	metrics     *metrics
	journal     *journal
	echo        *echo.Echo
	http        *http.Server
}

// source is a Source made ready.
type source struct {
	name     string
	verifier *signature.Verifier
	headers  []string // as net/http spells them
	limiter  *rate.Limiter
}

// New makes a Server, or says everything that is wrong with the options. It does not listen yet.
func New(o Options, f Fanout, logger *zap.Logger, registry prometheus.Registerer) (*Server, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("ingress: %w", err)
	}
	s := &Server{options: o, fanout: f, sources: make(map[string]*source), buffers: newBuffers(o.MaxBody)}
	for _, configured := range o.Sources {
		ready, err := newSource(configured)
		if err != nil {
			return nil, fmt.Errorf("ingress: source %q: %w", configured.Name, err)
		}
		s.sources[configured.Name] = ready
	}
	s.connections = newConnections(o.MaxConns, o.MaxInFlight, s.turnedAway)
	var err error
	if s.metrics, err = newMetrics(o, s.connections, registry); err != nil {
		return nil, fmt.Errorf("ingress: %w", err)
	}
	s.journal = newJournal(logger, s.metrics.droppedLines)
	s.echo = s.routes()
	s.http = s.server()
	return s, nil
}

func newSource(configured Source) (*source, error) {
	verifier, err := signature.NewVerifier(configured.Secrets, configured.Forms)
	if err != nil {
		return nil, err
	}
	s := &source{name: configured.Name, verifier: verifier, limiter: rate.NewLimiter(rate.Inf, 0)}
	if configured.Rate > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(configured.Rate), configured.Burst)
	}
	for _, name := range configured.Headers {
		s.headers = append(s.headers, http.CanonicalHeaderKey(name))
	}
	return s, nil
}

func (s *Server) routes() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Use(s.receive)
	const webhook = "/webhooks/:source"
	e.Any(webhook, func(echo.Context) error { return echo.ErrMethodNotAllowed }) // or Echo answers OPTIONS by itself
	e.POST(webhook, func(c echo.Context) error { return c.(*delivery).take() })
	return e
}

func (s *Server) server() *http.Server {
	return &http.Server{
		Handler:                      s.echo,
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            s.options.HeaderTimeout,
		IdleTimeout:                  s.options.IdleTimeout,
		MaxHeaderBytes:               s.options.MaxHeader,
		ErrorLog:                     log.New(s.journal, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateIdle {
				c.(*conn).rest(time.Now())
			}
		},
	}
}

// Serve takes connections from ln, which it closes in the end, until Shutdown; then it returns nil.
func (s *Server) Serve(ln net.Listener) error {
	err := s.http.Serve(listener{Listener: ln, connections: s.connections})
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the ingress: %w", err)
}

// Shutdown stops accepting, closes the connections that no request is whole on, and waits until every other one has its
// answer. When ctx ends it closes what is left and returns ctx's error; a delivery being published then is not answered.
func (s *Server) Shutdown(ctx context.Context) error {
	s.http.RegisterOnShutdown(s.connections.dismiss) // called once nothing is accepted and no connection kept any more
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close()
		return fmt.Errorf("shut the ingress down: %w", err)
	}
	s.connections.answering.Wait()
	return nil
}
