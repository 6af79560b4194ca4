package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hrbridge/bridge"
	"hrbridge/bridge/admin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHealthzSaysThatTheProcessLivesWhateverTheChecksSay(t *testing.T) {
	t.Parallel()
	s := start(t, admin.Options{Version: "1.2.3", Checks: []admin.Check{check("publisher", errors.New("down"))}})
	s.Drain()
	code, header, body := s.get(t, "/healthz")
	if code != http.StatusOK || strings.TrimSpace(body) != `{"status":"ok","version":"1.2.3"}` {
		t.Errorf("GET /healthz: %d %s", code, body)
	}
	if got := header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
}

func TestReadyzShowsNotesAndIsReadyAllTheSame(t *testing.T) {
	t.Parallel()
	s := start(t, admin.Options{Notes: []bridge.Finding{{Name: "clock", Status: bridge.VerdictFailure, Found: "it is 1970", Remedy: "set it"}}})
	code, _, body := s.get(t, "/readyz")
	want := `{"status":"ready","checks":{},"notes":[{"name":"clock","status":"failure","found":"it is 1970","remedy":"set it"}]}`
	if code != http.StatusOK || strings.TrimSpace(body) != want {
		t.Errorf("GET /readyz: %d %s", code, body)
	}
}

func TestReadyz(t *testing.T) {
	t.Parallel()
	down := errors.New("connect: refused")
	for _, row := range []struct {
		name   string
		checks []admin.Check
		drain  bool
		code   int
		want   string
	}{
		{"is ready without checks", nil, false, 200, `{"status":"ready","checks":{}}`},
		{"is ready when every check is", []admin.Check{check("a", nil), check("b", nil)}, false, 200,
			`{"status":"ready","checks":{"a":{"status":"ok"},"b":{"status":"ok"}}}`},
		{"is not ready when one check fails, and says why", []admin.Check{check("a", nil), check("b", down)}, false, 503,
			`{"status":"not ready","checks":{"a":{"status":"ok"},"b":{"status":"failing","reason":"connect: refused"}}}`},
		{"is degraded when a check says so, and says why", []admin.Check{check("a", nil), check("b", admin.Degraded("it is\nspooling"))}, false, 200,
			`{"status":"degraded","checks":{"a":{"status":"ok"},"b":{"status":"degraded","reason":"it is spooling"}}}`},
		{"is not ready when one is degraded and another fails", []admin.Check{check("a", down), check("b", admin.Degraded("spooling"))}, false, 503,
			`{"status":"not ready","checks":{"a":{"status":"failing","reason":"connect: refused"},"b":{"status":"degraded","reason":"spooling"}}}`},
		{"is ready when what would be degraded has no reason", []admin.Check{check("a", admin.Degraded(""))}, false, 200,
			`{"status":"ready","checks":{"a":{"status":"ok"}}}`},
		{"is draining although every check is ready", []admin.Check{check("a", nil)}, true, 503,
			`{"status":"draining","checks":{"a":{"status":"ok"}}}`},
		{"fails a check whose error has no text", []admin.Check{check("a", errors.New(""))}, false, 503,
			`{"status":"not ready","checks":{"a":{"status":"failing","reason":"unknown"}}}`},
		{"keeps a reason on one line of bounded length", []admin.Check{check("a", errors.New("x\n y"+strings.Repeat("z", 9999)))}, false, 503,
			`{"status":"not ready","checks":{"a":{"status":"failing","reason":"x y` + strings.Repeat("z", 497) + `…"}}}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, admin.Options{Checks: row.checks})
			if row.drain {
				s.Drain()
			}
			code, _, body := s.get(t, "/readyz")
			if code != row.code {
				t.Errorf("code %d, want %d", code, row.code)
			}
			if diff := cmp.Diff(decode(t, row.want), decode(t, body)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestACheckThatHangsIsFailingWithinTwoSecondsAndRunsOnceAtATime(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var running atomic.Int32
	s := start(t, admin.Options{Checks: []admin.Check{{Name: "stuck", Ready: func(context.Context) error {
		running.Add(1)
		<-release // and no heed to the context
		return nil
	}}}})
	t.Cleanup(func() { close(release) })
	begin := time.Now()
	answers := make(chan string)
	for range 5 {
		go func() {
			_, _, body := s.get(t, "/readyz")
			answers <- body
		}()
	}
	for range 5 {
		if body := <-answers; !strings.Contains(body, "no answer within 1s") {
			t.Errorf("answer %s", body)
		}
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	if n := running.Load(); n != 1 {
		t.Errorf("the check ran %d times at once", n)
	}
}

func TestMetricsShowsWhatIsGathered(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "hrbridge_things_total"})
	registry.MustRegister(counter)
	counter.Add(3)
	s := start(t, admin.Options{Metrics: registry})
	code, _, body := s.get(t, "/metrics")
	if code != http.StatusOK || !strings.Contains(body, "hrbridge_things_total 3\n") {
		t.Errorf("GET /metrics: %d\n%s", code, body)
	}
}

func TestEverythingElseIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, admin.Options{})
	for _, row := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/", 404},
		{"GET", "/healthz/more", 404},
		{"GET", "/debug/pprof/", 404},
		{"POST", "/webhooks/hrflow", 404},
		{"POST", "/healthz", 405},
		{"DELETE", "/readyz", 405},
		{"PUT", "/metrics", 405},
	} {
		t.Run(row.method+" "+row.path, func(t *testing.T) {
			t.Parallel()
			code, header, _ := s.do(t, row.method, row.path)
			if code != row.want {
				t.Errorf("code %d, want %d", code, row.want)
			}
			if row.want == 405 && header.Get("Allow") != "GET, HEAD" {
				t.Errorf("Allow %q", header.Get("Allow"))
			}
		})
	}
}

func TestAHeaderThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, admin.Options{})
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The server may close the connection before all is written: the answer is what counts.
	go func() {
		_, _ = fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("x", 20<<10))
	}()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(line, "431") {
		t.Errorf("answer %q, %v", line, err)
	}
}

func TestServeReturnsNilAfterShutdown(t *testing.T) {
	t.Parallel()
	s := admin.New(admin.Options{Metrics: prometheus.NewRegistry()})
	ln := listen(t)
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestServeSaysWhenItsListenerDies(t *testing.T) {
	t.Parallel()
	s := admin.New(admin.Options{Metrics: prometheus.NewRegistry()})
	ln := listen(t)
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	ln.Close()
	if err := <-served; err == nil {
		t.Error("Serve returned nil")
	}
}

func TestWatchLogsEachChangeOfReadinessOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.InfoLevel)
		var down atomic.Bool
		down.Store(true)
		s := admin.New(admin.Options{Metrics: prometheus.NewRegistry(), Log: zap.New(core), Checks: []admin.Check{{Name: "publisher",
			Ready: func(context.Context) error {
				if down.Load() {
					return errors.New("broker out of reach")
				}
				return nil
			}}}})
		ctx, cancel := context.WithCancel(t.Context())
		watched := make(chan struct{})
		go func() { defer close(watched); s.Watch(ctx) }()
		time.Sleep(5 * time.Second)
		down.Store(false)
		time.Sleep(5 * time.Second)
		s.Drain()
		time.Sleep(5 * time.Second)
		cancel()
		<-watched
		var got []string
		for _, e := range logs.All() {
			line := e.Message
			for _, f := range e.Context {
				line += " | " + f.String
			}
			got = append(got, line)
		}
		want := []string{"not ready: deliveries may be answered 503 | publisher: broker out of reach", "ready", "draining"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestAPartThatFlapsDoesNotFloodTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.InfoLevel)
		var calls int
		s := admin.New(admin.Options{Metrics: prometheus.NewRegistry(), Log: zap.New(core), Checks: []admin.Check{{Name: "publisher",
			Ready: func(context.Context) error {
				if calls++; calls%2 == 0 {
					return errors.New("broker out of reach")
				}
				return nil
			}}}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		s.Watch(ctx)
		if n := logs.Len(); n < 100 || n > 400 {
			t.Errorf("%d lines in an hour of 14400 changes", n)
		}
	})
}

// server is a Server on a real socket.
type server struct {
	*admin.Server
	addr string
}

func start(t *testing.T, o admin.Options) server {
	t.Helper()
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	s := server{Server: admin.New(o)}
	ln := listen(t)
	s.addr = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := errors.Join(s.Shutdown(ctx), <-served); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s server) get(t *testing.T, path string) (int, http.Header, string) {
	t.Helper()
	return s.do(t, http.MethodGet, path)
}

func (s server) do(t *testing.T, method, path string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, "http://"+s.addr+path, http.NoBody)
	if err != nil {
		t.Error(err)
		return 0, nil, ""
	}
	req.Close = true
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0, nil, ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// check is one that always says err.
func check(name string, err error) admin.Check {
	return admin.Check{Name: name, Ready: func(context.Context) error { return err }}
}

func decode(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Errorf("%v in %s", err, text)
	}
	return v
}
