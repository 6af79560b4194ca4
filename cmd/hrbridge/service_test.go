package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"hrbridge/bridge/signature"
	"hrbridge/cmd/hrbridge/config"
	"hrbridge/publishers"
	"hrbridge/publishers/kafka/kafkatest"
)

// These tests run the service within the test's process, where signals are handed to it; what only a process of its own can
// show is in the e2e tests.

const (
	serviceSecret = "an-invented-secret-of-32-letters"
	delivery      = `[{"type":"profile.parsing.success","profile":{"key":"k1","info":{"full_name":"Ada Example"}}}]`
)

func TestItTakesDeliveriesUntilItIsToldToStop(t *testing.T) {
	t.Parallel()
	s := startService(t, nil, nil)
	s.awaitReadyz(t, http.StatusOK, "ready")
	if code, body := s.post(t, strings.NewReader(delivery), len(delivery)); code != http.StatusOK {
		t.Errorf("a delivery: %d %s", code, body)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
	for _, line := range []string{"taking deliveries", `"sources": ["hrflow"]`, "\tready", "stopping", "stopped"} {
		if !strings.Contains(s.log.String(), line) {
			t.Errorf("the log does not say %q:\n%s", line, s.log)
		}
	}
	for _, addr := range []string{s.ingress, s.admin} {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			t.Errorf("%s is still listened on", addr)
		}
	}
}

func TestItStopsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := startServiceIn(ctx, t, nil, nil)
	cancel()
	if err := s.ended(t); err != nil {
		t.Error(err)
	}
}

func TestAfterTheFirstSignalItIsNotReadyAndFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	s := startService(t, nil, nil)
	rest, answered := s.postHalf(t)
	s.signals <- syscall.SIGTERM
	s.awaitReadyz(t, http.StatusServiceUnavailable, "draining")
	if _, err := io.WriteString(rest, delivery[len(delivery)/2:]); err != nil {
		t.Error(err)
	}
	rest.Close()
	if got := <-answered; got != "200" {
		t.Errorf("the delivery in flight was answered %s", got)
	}
	if err := s.ended(t); err != nil {
		t.Error(err)
	}
}

func TestTheSecondSignalEndsItAtOnce(t *testing.T) {
	t.Parallel()
	s := startService(t, nil, nil)
	rest, answered := s.postHalf(t)
	s.signals <- syscall.SIGTERM
	s.signals <- syscall.SIGTERM
	if err := s.ended(t); !errors.Is(err, errSecondSignal) {
		t.Errorf("ended with %v", err)
	}
	rest.Close()
	<-answered
}

func TestAStopThatCutsDeliveriesOffFails(t *testing.T) {
	t.Parallel()
	s := startService(t, map[string]string{"DRAIN_TIMEOUT": "100ms"}, nil)
	rest, answered := s.postHalf(t)
	if err := s.stop(t); err == nil || !strings.Contains(err.Error(), "drain_timeout of 100ms passed") {
		t.Errorf("ended with %v", err)
	}
	rest.Close()
	if got := <-answered; got == "200" {
		t.Error("the delivery that was cut off was answered 200")
	}
}

func TestAListenerThatDiesEndsIt(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]func(listeners) net.Listener{
		"the ingress":        func(at listeners) net.Listener { return at.ingress },
		"the admin listener": func(at listeners) net.Listener { return at.admin },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startService(t, nil, func(at listeners) { kill(at).Close() })
			if err := s.ended(t); err == nil || !strings.Contains(err.Error(), name+" failed") {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

func TestABrokerThatIsDownIsNoErrorButNotReadyAndItsPasswordIsNowhere(t *testing.T) {
	t.Parallel()
	s := startService(t, map[string]string{
		"PUBLISHER": "nats", "NATS_URL": "nats://" + freeAddr(t), "NATS_USER": "ada", "NATS_PASSWORD": "swordfish-swordfish",
		"SPOOL": "off",
	}, nil)
	body := s.awaitReadyz(t, http.StatusServiceUnavailable, `"publisher":{"status":"failing"`)
	if code, answer := s.post(t, strings.NewReader(delivery), len(delivery)); code != http.StatusServiceUnavailable {
		t.Errorf("a delivery: %d %s", code, answer)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
	if strings.Contains(body+s.log.String(), "swordfish") {
		t.Errorf("the password is shown: %s\n%s", body, s.log)
	}
}

func TestABrokerThatIsDownIsDegradedAndItsEventsAreSpooled(t *testing.T) {
	t.Parallel()
	s := startService(t, map[string]string{
		"PUBLISHER": "nats", "NATS_URL": "nats://" + freeAddr(t), "SPOOL_MIN_FREE": "0",
	}, nil)
	s.awaitReadyz(t, http.StatusOK, `"status":"degraded"`)
	if code, answer := s.post(t, strings.NewReader(delivery), len(delivery)); code != http.StatusOK {
		t.Errorf("a delivery: %d %s", code, answer)
	}
	s.awaitReadyz(t, http.StatusOK, "holds 1 events in 1 records")
	if _, page := s.get(t, "/metrics"); !strings.Contains(page, "hrbridge_spool_events 1\n") {
		t.Error("the metrics do not say that an event is spooled")
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

func TestMetricsAreThoseOfThePartsAndOfTheProcess(t *testing.T) {
	t.Parallel()
	s := startService(t, nil, nil)
	s.awaitReadyz(t, http.StatusOK, "ready")
	s.post(t, strings.NewReader(delivery), len(delivery))
	_, page := s.get(t, "/metrics")
	for _, line := range []string{
		`hrbridge_build_info{version="`, "go_goroutines ", "process_open_fds ", "hrbridge_broker_connected 1",
		`hrbridge_deliveries_total{source="hrflow",status="200"} 1`, "hrbridge_commit_messages_count 1",
		`hrbridge_events_total{outcome="published",source="hrflow",type="profile.parsing.success"} 1`,
	} {
		if !strings.Contains(page, line) {
			t.Errorf("/metrics has no %s", line)
		}
	}
}

func TestWhatTheEnvironmentRefusesIsExitCode3InOneLine(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	other := startService(t, nil, nil)
	notAFolder := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notAFolder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, setting, value, says string
	}{
		{"the ingress's port is taken", "LISTEN", taken.Addr().String(), "listen: " + taken.Addr().String() + " is in use"},
		{"the admin listener's port is taken", "ADMIN_LISTEN", taken.Addr().String(), "set admin.listen to another address"},
		{"the broker's port is taken", "EMBEDDED_LISTEN", taken.Addr().String(), "embedded.listen"},
		{"an address that is not this machine's", "LISTEN", "192.0.2.1:8080", "set listen to an address of this machine"},
		{"the data folder is in use", "DATA_DIR", other.dataDir, "is in use by another process"},
		{"the data folder is a file", "DATA_DIR", notAFolder, "data_dir"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := try(t.Context(), serviceEnv(t, t.TempDir(), map[string]string{row.setting: row.value}), "serve", "--log-level", "error")
			if got.code != exitEnvironment || !strings.Contains(got.stderr, row.says) || strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("exit code %d, stderr %s", got.code, got.stderr)
			}
		})
	}
}

func TestWithoutASecretItRefusesToServe(t *testing.T) {
	t.Parallel()
	got := try(t.Context(), serviceEnv(t, t.TempDir(), map[string]string{"WEBHOOK_SECRET": ""}), "serve")
	if got.code != exitUsage || !strings.Contains(got.stderr, "HRBRIDGE_WEBHOOK_SECRET") || !strings.Contains(got.stderr, "--dev") {
		t.Errorf("exit code %d, stderr %s", got.code, got.stderr)
	}
}

// running is a service in this process.
type running struct {
	ingress, admin string // addresses
	dataDir        string
	log            *safeBuffer
	signals        chan os.Signal
	done           chan error
}

// serviceEnv is the environment of a service with settings over the tests' own; "" takes one away.
func serviceEnv(t *testing.T, dataDir string, settings map[string]string) []string {
	t.Helper()
	all := map[string]string{
		"LISTEN": "127.0.0.1:0", "ADMIN_LISTEN": "127.0.0.1:0", "DATA_DIR": dataDir, "EMBEDDED_LISTEN": freeAddr(t),
		"WEBHOOK_SECRET": serviceSecret, "LOG_FORMAT": "console",
	}
	if settings["PUBLISHER"] == "nats" {
		delete(all, "EMBEDDED_LISTEN")
	}
	var env []string
	for name := range settings {
		all[name] = settings[name]
	}
	for name, value := range all {
		if value != "" {
			env = append(env, "HRBRIDGE_"+name+"="+value)
		}
	}
	return env
}

func startService(t *testing.T, settings map[string]string, greet func(listeners)) *running {
	t.Helper()
	return startServiceIn(context.WithoutCancel(t.Context()), t, settings, greet)
}

// startServiceIn returns when the service takes deliveries.
func startServiceIn(ctx context.Context, t *testing.T, settings map[string]string, greet func(listeners)) *running {
	t.Helper()
	r := &running{dataDir: t.TempDir(), log: new(safeBuffer), signals: make(chan os.Signal), done: make(chan error, 1)}
	cfg, _, err := config.Load(config.LoadOptions{Environ: serviceEnv(t, r.dataDir, settings)})
	if err != nil {
		t.Fatal(err)
	}
	log, err := newLogger(r.log, cfg.Log)
	if err != nil {
		t.Fatal(err)
	}
	takes := make(chan struct{})
	s := &service{cfg: cfg, log: log, greet: func(at listeners, _ publishers.Publisher) {
		r.ingress, r.admin = at.ingress.Addr().String(), at.admin.Addr().String()
		if greet != nil {
			greet(at)
		}
		close(takes)
	}}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		err := s.run(ctx, r.signals)
		r.done <- err
		log.Debug("run returned", zap.Error(err))
	}()
	select {
	case <-takes:
	case err := <-r.done:
		t.Fatalf("ended at start: %v\n%s", err, r.log)
	}
	t.Cleanup(func() {
		for { // a second signal, which ends it with its parts still at work in the data folder, comes only where the first does nothing
			select {
			case r.signals <- syscall.SIGTERM:
			case <-gone:
				return
			}
			select {
			case <-gone:
				return
			case <-time.After(20 * time.Second):
			}
		}
	})
	return r
}

// stop sends a signal and waits for the end.
func (r *running) stop(t *testing.T) error {
	t.Helper()
	r.signals <- syscall.SIGTERM
	return r.ended(t)
}

func (r *running) ended(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(20 * time.Second):
		t.Fatalf("still running:\n%s", r.log)
		return nil
	}
}

func (r *running) get(t *testing.T, path string) (int, string) {
	t.Helper()
	status, body, err := get("http://" + r.admin + path)
	if err != nil {
		t.Error(err)
	}
	return status, body
}

// awaitReadyz waits until /readyz answers status with a text in it, and returns the answer.
func (r *running) awaitReadyz(t *testing.T, status int, text string) string {
	t.Helper()
	var code int
	var body string
	await(t, 10*time.Second, func() bool {
		code, body = r.get(t, "/readyz")
		return code == status && strings.Contains(body, text)
	}, func() string { return fmt.Sprintf("/readyz says %d %s\n%s", code, body, r.log) })
	return body
}

// post sends a signed delivery whose body comes from body.
func (r *running) post(t *testing.T, body io.Reader, size int) (int, string) {
	t.Helper()
	mac, err := signature.Sign(signature.BodyHex, []byte(serviceSecret), []byte(delivery))
	if err != nil {
		t.Error(err)
	}
	request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, "http://"+r.ingress+"/webhooks/hrflow", body)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	request.ContentLength = int64(size)
	request.Header.Set("HTTP-HRFLOW-SIGNATURE", mac)
	request.Header.Set("Content-Type", "application/json")
	request.Close = true
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text)
}

// postHalf sends the first half of a delivery. The rest is the caller's to write, and then to close; the status comes when
// there is an answer.
func (r *running) postHalf(t *testing.T) (rest *io.PipeWriter, answered <-chan string) {
	t.Helper()
	body, rest := io.Pipe()
	status := make(chan string, 1)
	go func() {
		code, _ := r.post(t, body, len(delivery))
		body.Close()
		status <- fmt.Sprint(code)
	}()
	if _, err := io.WriteString(rest, delivery[:len(delivery)/2]); err != nil {
		t.Fatal(err)
	}
	await(t, 10*time.Second, func() bool { // until its header has come
		_, page := r.get(t, "/metrics")
		return strings.Contains(page, "hrbridge_in_flight_bytes") && !strings.Contains(page, "hrbridge_in_flight_bytes 0\n")
	}, func() string { return "the delivery is not in flight" })
	return rest, status
}

// safeBuffer is written by the service and read by the test.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// freeAddr is a loopback address that nobody listens on now.
func freeAddr(t *testing.T) string {
	t.Helper()
	return kafkatest.FreeAddress(t)
}

// await polls what cannot be waited for.
func await(t *testing.T, within time.Duration, done func() bool, otherwise func() string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); time.Now().Before(deadline); <-tick.C {
		if done() {
			return
		}
	}
	t.Fatalf("after %v: %s", within, otherwise())
}

func get(url string) (status int, body string, err error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}
