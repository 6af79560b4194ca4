package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hrbridge/publishers/kafka/kafkatest"
)

// The end-to-end tests start the real binary as a child process. They run for seconds; HRBRIDGE_SOAK gives each of the long
// ones the time it should have before a release, such as "1m".

const testSecret = "an-invented-secret-of-32-letters"

// built keeps the binaries of this run of the tests: with the race detector where the tests have it, and as it ships.
type built struct {
	once sync.Once
	path string
	err  error
}

// build builds the package that args end with.
func (b *built) build(dir, name string, args ...string) (string, error) {
	b.once.Do(func() {
		b.path = filepath.Join(dir, name)
		out, err := exec.Command("go", append([]string{"build", "-o", b.path}, args...)...).CombinedOutput() //nolint:gosec // our own arguments
		if err != nil {
			b.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	return b.path, b.err
}

var (
	buildDir        string
	checked, asIsIt built
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "hrbridge")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	buildDir = dir
	code := kafkatest.Main(m)
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// checkedBinary has the race detector, where the tests have it.
func checkedBinary(t *testing.T) string {
	t.Helper()
	return must(checked.build(buildDir, "hrbridge-checked", append(raceArgs(), ".")...))(t)
}

// shippedBinary is built as it ships: what its memory is measured on.
func shippedBinary(t *testing.T) string {
	t.Helper()
	return must(asIsIt.build(buildDir, "hrbridge", "."))(t)
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// process is a running hrbridge serve.
type process struct {
	binary  string
	env     []string
	args    []string
	ingress string // host:port
	admin   string
	broker  string // the embedded broker's, where there is one
	dataDir string

	cmd  *exec.Cmd
	log  *lockedBuffer
	done chan struct{}
	code int
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serve starts hrbridge serve with settings over the tests' own, and ends it with the test.
func serve(t *testing.T, binary string, settings map[string]string, args ...string) *process {
	t.Helper()
	p := &process{
		binary: binary, ingress: freeAddr(t), admin: freeAddr(t), broker: freeAddr(t), dataDir: t.TempDir(),
		log: new(lockedBuffer), args: append([]string{"serve"}, args...),
	}
	all := map[string]string{
		"HRBRIDGE_LISTEN": p.ingress, "HRBRIDGE_ADMIN_LISTEN": p.admin, "HRBRIDGE_DATA_DIR": p.dataDir,
		"HRBRIDGE_EMBEDDED_LISTEN": p.broker, "HRBRIDGE_WEBHOOK_SECRET": testSecret,
	}
	maps.Copy(all, settings)
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "HRBRIDGE_") {
			p.env = append(p.env, kv)
		}
	}
	for k, v := range all {
		if v != "" {
			p.env = append(p.env, k+"="+v)
		}
	}
	p.start(t)
	t.Cleanup(func() {
		p.kill()
		if strings.Contains(p.log.String(), "DATA RACE") {
			t.Errorf("the binary has a data race:\n%s", p.log.String())
		}
		if t.Failed() {
			t.Logf("the end of the log of hrbridge:\n%s", tailOf(p.log.String(), 60))
		}
	})
	return p
}

func tailOf(s string, lines int) string {
	all := strings.Split(s, "\n")
	return strings.Join(all[max(len(all)-lines, 0):], "\n")
}

func (p *process) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.binary, p.args...) //nolint:gosec // our own binary
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.env, p.log, p.log
	p.cmd.Dir = p.dataDir
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		defer close(done)
		err := cmd.Wait()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			p.code = exit.ExitCode()
		} else {
			p.code = 0
		}
	}(p.cmd, p.done)
}

// kill ends it with SIGKILL.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// restart starts it where it does not run.
func (p *process) restart(t *testing.T) {
	t.Helper()
	if isClosed(p.done) {
		p.start(t)
	}
}

// metric is the value of a metric without labels.
func (p *process) metric(t *testing.T, name string) float64 {
	t.Helper()
	_, page, err := get("http://" + p.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	value := valueIn(page, name)
	if value == "" {
		t.Fatalf("/metrics has no %s", name)
	}
	return must(strconv.ParseFloat(value, 64))(t)
}

// valueIn is the value of a metric without labels in a page of them, "" where it is not there.
func valueIn(page, name string) string {
	for line := range strings.Lines(page) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			return value
		}
	}
	return ""
}

// stop ends it with SIGTERM and returns its exit code.
func (p *process) stop(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		t.Fatal("still running 30 s after SIGTERM")
	}
	return p.code
}

// exited waits for it to end by itself.
func (p *process) exited(t *testing.T) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		t.Fatal("still running after 30 s")
	}
	return p.code
}

func (p *process) url() string { return "http://" + p.ingress + "/webhooks/hrflow" }

// waitReady waits until /readyz says what is wanted.
func (p *process) waitReady(t *testing.T, want int) {
	t.Helper()
	var last string
	await(t, 60*time.Second, func() bool {
		select {
		case <-p.done:
			t.Fatalf("hrbridge ended with %d:\n%s", p.code, tailOf(p.log.String(), 40))
		default:
		}
		status, body, err := get("http://" + p.admin + "/readyz")
		last = fmt.Sprint(status, " ", body, err)
		return err == nil && status == want
	}, func() string { return fmt.Sprintf("/readyz does not say %d, but %s", want, last) })
}

// rss is how many bytes of memory it has now, and had at most.
func (p *process) rss(t *testing.T) (now, most int64) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Skipf("memory is read from /proc: %v", err)
	}
	for line := range strings.Lines(string(b)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 {
			now = kib << 10
		}
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			most = kib << 10
		}
	}
	return now, most
}

// verb runs another verb of the binary to its end and returns its exit code and output.
func (p *process) verb(t *testing.T, stdin io.Reader, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.binary, args...) //nolint:gosec // our own binary
	var out, errs bytes.Buffer
	cmd.Env, cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = p.env, p.dataDir, stdin, &out, &errs
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), out.String(), errs.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, out.String(), errs.String()
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
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(url) //nolint:noctx // has a timeout
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	return response.StatusCode, string(b), err
}

// freeAddr is a loopback address that nobody listens on now.
func freeAddr(t testing.TB) string {
	t.Helper()
	return kafkatest.FreeAddress(t)
}

// soak is how long a long test runs: long where HRBRIDGE_SOAK does not say otherwise.
func soak(t *testing.T, short time.Duration) time.Duration {
	t.Helper()
	s := os.Getenv("HRBRIDGE_SOAK")
	if s == "" {
		return short
	}
	return must(time.ParseDuration(s))(t)
}

// receipt is the answer to a delivery that was taken.
type receipt struct {
	Events       int `json:"events"`
	Published    int `json:"published"`
	DeadLettered int `json:"dead_lettered"`
}

func decodeReceipt(t *testing.T, body []byte) receipt {
	t.Helper()
	var r receipt
	if err := json.Unmarshal(body, &r); err != nil {
		t.Errorf("the answer %q: %v", body, err)
	}
	return r
}
