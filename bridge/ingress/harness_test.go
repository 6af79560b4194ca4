package ingress_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hrbridge/bridge"
	"hrbridge/bridge/ingress"
	"hrbridge/bridge/signature"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret     = "a secret of the tests"
	oldSecret  = "the secret before"
	headerName = "HTTP-HRFLOW-SIGNATURE"
	path       = "/webhooks/hrflow"

	// document is a delivery of two events. Its names are looked for wherever they must not be.
	document = `[{"type":"profile.parsing.success","message":"Ada Example","profile":{"key":"p1","info":{"email":"ada@example.org"}}},` +
		`{"type":"job.parsing.error","job":{"key":"j1","name":"Bob Sample"}}]`
)

// personal are the parts of document that must never be seen outside of a message.
var personal = []string{"Ada", "example.org", "Bob", "Sample"}

// fanout records what it is handed. It returns whatever answer says, where it is set.
type fanout struct {
	mu         sync.Mutex
	deliveries []bridge.Delivery
	events     [][]bridge.Event
	answer     func(ctx context.Context, d bridge.Delivery, events []bridge.Event) (bridge.Receipt, error)
}

func (f *fanout) Publish(ctx context.Context, d bridge.Delivery, events []bridge.Event) (bridge.Receipt, error) {
	f.mu.Lock()
	kept := d
	kept.Signed = bytes.Clone(d.Signed)
	f.deliveries = append(f.deliveries, kept)
	f.events = append(f.events, events)
	answer := f.answer
	f.mu.Unlock()
	if answer != nil {
		return answer(ctx, d, events)
	}
	return bridge.Receipt{Events: len(events), Published: len(events)}, nil
}

// published returns the signed bytes of every delivery that got as far as the fan-out.
func (f *fanout) published() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, d := range f.deliveries {
		all = append(all, string(d.Signed))
	}
	return all
}

func (f *fanout) last(t *testing.T) bridge.Delivery {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.deliveries) == 0 {
		t.Fatal("nothing was published")
	}
	return f.deliveries[len(f.deliveries)-1]
}

// edge is a running server and what can be seen of it.
type edge struct {
	t        *testing.T
	server   *ingress.Server
	addr     string
	fanout   *fanout
	logs     *observer.ObservedLogs
	registry *prometheus.Registry
	client   *http.Client
}

// options are the defaults with one source, hrflow, that accepts everything.
func options(change ...func(*ingress.Options)) ingress.Options {
	o := ingress.Defaults()
	o.Sources = []ingress.Source{{
		Name: "hrflow", Secrets: [][]byte{[]byte(oldSecret), []byte(secret)},
		Forms: signature.Forms(), Headers: ingress.DefaultHeaders(),
	}}
	o.KnownTypes = []string{"profile.parsing.success", "job.parsing.error"}
	for _, c := range change {
		c(&o)
	}
	return o
}

// start runs a server until the test ends.
func start(t *testing.T, change ...func(*ingress.Options)) *edge {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	e := &edge{t: t, fanout: new(fanout), logs: logs, registry: prometheus.NewRegistry()}
	var err error
	e.server, err = ingress.New(options(change...), e.fanout, zap.New(core), e.registry)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e.addr = ln.Addr().String()
	transport := &http.Transport{DisableCompression: true, ExpectContinueTimeout: 10 * time.Second}
	e.client = &http.Client{Transport: transport, Timeout: 30 * time.Second}
	served := make(chan error, 1)
	go func() { served <- e.server.Serve(ln) }()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := e.server.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return e
}

// of is the same server, for a sub-test.
func (e *edge) of(t *testing.T) *edge {
	sub := *e
	sub.t = t
	return &sub
}

// request is a call in the making.
type request struct {
	*http.Request
}

type change func(*request)

// delivery is a POST of document, signed, and then changed.
func (e *edge) delivery(changes ...change) *http.Request {
	e.t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+e.addr+path, strings.NewReader(document))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(headerName, sign(signature.BodyHex, document))
	for _, c := range changes {
		c(&request{r})
	}
	return r
}

func sign(form signature.Form, document string) string {
	value, err := signature.Sign(form, []byte(secret), []byte(document))
	if err != nil {
		panic(err)
	}
	return value
}

func header(name string, values ...string) change {
	return func(r *request) {
		r.Header.Del(name)
		for _, v := range values {
			r.Header.Add(name, v)
		}
	}
}

func body(text string) change {
	return func(r *request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		if text == "" {
			r.Body = http.NoBody
		}
	}
}

func chunked(r *request) { r.ContentLength = -1 }

// signed makes the request carry text, signed in the form.
func signed(form signature.Form, text string) change {
	return func(r *request) {
		body(text)(r)
		r.Header.Set(headerName, sign(form, text))
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	closed bool // whether the connection ends with it
}

func (e *edge) do(r *http.Request) answer {
	e.t.Helper()
	response, err := e.client.Do(r)
	if err != nil {
		e.t.Fatalf("no answer: %v", err)
	}
	return e.read(response)
}

func (e *edge) read(response *http.Response) answer {
	e.t.Helper()
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatalf("the answer ended early: %v", err)
	}
	return answer{response.StatusCode, response.Header, string(text), response.Close}
}

func (e *edge) deliver(changes ...change) answer {
	e.t.Helper()
	return e.do(e.delivery(changes...))
}

// wire is a connection for what net/http's client would not send.
type wire struct {
	e *edge
	net.Conn
	in *bufio.Reader
}

func (e *edge) dial() *wire {
	e.t.Helper()
	c, err := net.Dial("tcp", e.addr)
	if err != nil {
		e.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	e.t.Cleanup(func() { _ = c.Close() })
	return &wire{e, c, bufio.NewReader(c)}
}

func (w *wire) send(text string) {
	w.e.t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		w.e.t.Fatalf("send: %v", err)
	}
}

func (w *wire) answer() answer {
	w.e.t.Helper()
	response, err := http.ReadResponse(w.in, nil)
	if err != nil {
		w.e.t.Fatalf("no answer: %v", err)
	}
	return w.e.read(response)
}

// ended waits for the other side to close.
func (w *wire) ended() {
	w.e.t.Helper()
	if n, err := io.Copy(io.Discard, w.in); n != 0 || isTimeout(err) {
		w.e.t.Fatalf("the connection stays open, %d bytes: %v", n, err)
	}
}

func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// problem is what every answer but 200 holds.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	RequestID string `json:"request_id"`
	Index     *int   `json:"index"`
}

// refused checks that a is a problem of that status, in the one form that all have, and returns it.
func (e *edge) refused(a answer, status int) problem {
	e.t.Helper()
	if a.status != status {
		e.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		e.t.Errorf("content type %q", got)
	}
	var p problem
	decoder := json.NewDecoder(strings.NewReader(a.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		e.t.Fatalf("not a problem: %v: %s", err, a.body)
	}
	if p.Type != "about:blank" || p.Title != http.StatusText(status) || p.Status != status || p.Detail == "" || p.RequestID == "" {
		e.t.Errorf("incomplete problem: %s", a.body)
	}
	if p.RequestID != a.header.Get("X-Request-Id") {
		e.t.Errorf("request id %q in the header, %q in the body", a.header.Get("X-Request-Id"), p.RequestID)
	}
	if again := a.header.Get("Retry-After"); (status == 429 || status == 503) != (again != "" && again >= "1") {
		e.t.Errorf("status %d with Retry-After %q", status, again)
	}
	e.holdsNothingPersonal("the answer", a.body)
	return p
}

func (e *edge) accepted(a answer) {
	e.t.Helper()
	if a.status != http.StatusOK {
		e.t.Fatalf("status %d: %s", a.status, a.body)
	}
}

func (e *edge) holdsNothingPersonal(where, text string) {
	e.t.Helper()
	for _, name := range personal {
		if strings.Contains(text, name) {
			e.t.Errorf("%s says %q: %s", where, name, text)
		}
	}
}

// counted returns a metric's value for the labels, given as name, value, name, value …, summed over all others.
func (e *edge) counted(name string, labels ...string) float64 {
	e.t.Helper()
	families, err := e.registry.Gather()
	if err != nil {
		e.t.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			has := make(map[string]string)
			for _, pair := range metric.GetLabel() {
				has[pair.GetName()] = pair.GetValue()
			}
			matches := true
			for i := 0; i < len(labels); i += 2 {
				matches = matches && has[labels[i]] == labels[i+1]
			}
			if matches {
				sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// until waits for what happens soon.
func (e *edge) until(what string, happened func() bool) {
	e.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			e.t.Fatalf("it never came about that %s", what)
		}
	}
}
