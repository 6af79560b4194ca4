package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/singleflight"

	"hrbridge/bridge"
)

// The bounds of a listener that serves probes and a scraper: generous for them, and small beside what the ingress needs.
const (
	maxConns       = 128
	maxHeader      = 16 << 10 // bytes
	maxScrapes     = 4        // at one time
	headerTimeout  = 5 * time.Second
	requestTimeout = 10 * time.Second // to read a request, and to gather the metrics
	answerTimeout  = 30 * time.Second // from a request's header to the last byte of the answer
	idleTimeout    = time.Minute
)

// Options are what a Server needs to know.
type Options struct {
	// Checks are the parts that readiness depends on; their names are unique.
	Checks []Check
	// Notes are what was found at start that somebody should know: /readyz shows them, and they change nothing of what it says.
	Notes []bridge.Finding
	// Metrics is what /metrics shows.
	Metrics prometheus.Gatherer
	// Log gets the changes of readiness; nil for none.
	Log *zap.Logger
	// Version is the program's, shown by /healthz.
	Version string
}

// Server answers on the admin listener.
type Server struct {
	checks   []Check
	notes    []bridge.Finding
	running  singleflight.Group // of checks, by name
	draining atomic.Bool
	version  string
	log      *zap.Logger
	http     *http.Server
}

// New makes a Server that is ready to Serve.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	s := &Server{checks: o.Checks, notes: o.Notes, version: o.Version, log: o.Log}
	errorLog := zap.NewStdLog(o.Log)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{
		ErrorLog:            errorLog,
		ErrorHandling:       promhttp.ContinueOnError, // one collector that fails must not hide the others
		MaxRequestsInFlight: maxScrapes,
		Timeout:             requestTimeout,
	}))
	s.http = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          errorLog,
	}
	return s
}

// Serve answers on ln until Shutdown, and then returns nil. It closes ln.
func (s *Server) Serve(ln net.Listener) error {
	if err := s.http.Serve(netutil.LimitListener(ln, maxConns)); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the admin listener: %w", err)
	}
	return nil
}

// Drain makes /readyz say 503 "draining" from now on, so that whoever routes deliveries here stops before they are refused.
func (s *Server) Drain() { s.draining.Store(true) }

// Shutdown stops accepting and waits for the answers on their way; when ctx ends it closes them and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("shut the admin listener down: %w", err), s.http.Close())
	}
	return err
}

// healthz says that the process lives and nothing else: a supervisor restarts what does not answer here, and a restart cures
// no broker.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, struct {
		Status  string `json:"status"`
		Version string `json:"version,omitempty"`
	}{"ok", s.version})
}
