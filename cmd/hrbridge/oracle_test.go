package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/bridge/signature"
)

// oracle keeps account of what was sent: every event of a delivery that was answered 200 is an obligation, to be found in the
// stream once, byte for byte, on its topic, in the order of its key.
type oracle struct {
	mu   sync.Mutex
	sent map[string]*obligation // by the event's bytes

	acknowledged atomic.Int64 // deliveries
	refused      atomic.Int64 // answers other than 200
	unanswered   atomic.Int64 // connections that broke
	wrong        sync.Map     // answers that no delivery may get
}

type obligation struct {
	topic, key   string
	number       int // the event's place among those of its key
	acknowledged bool
}

func newOracle() *oracle { return &oracle{sent: make(map[string]*obligation)} }

// load is what an oracle's senders send.
type load struct {
	url     string
	forms   []signature.Form
	senders int
	events  int // of a delivery, at most
}

// run sends until the context ends. Each sender has keys of its own and sends a delivery again, the same bytes, until it is
// taken: that is what keeps the order of a key the sender's business to lose.
func (o *oracle) run(ctx context.Context, t *testing.T, l load) {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: l.senders}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	var all sync.WaitGroup
	for i := range l.senders {
		all.Go(func() {
			s := &sender{oracle: o, load: l, client: client, id: i, rand: rand.New(rand.NewPCG(uint64(i), 7))} //nolint:gosec // not a secret
			for n := 0; ctx.Err() == nil; n++ {
				s.deliver(ctx, l.forms[n%len(l.forms)])
			}
		})
	}
	all.Wait()
	o.wrong.Range(func(status, _ any) bool {
		t.Errorf("a delivery was answered %v", status)
		return true
	})
}

// start sends in the background, to p in every form, until stop is called.
func (o *oracle) start(t *testing.T, p *process, senders, events int) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { o.run(ctx, t, load{url: p.url(), forms: signature.Forms(), senders: senders, events: events}) })
	stop = func() { cancel(); all.Wait() }
	t.Cleanup(stop)
	return stop
}

// awaitMore waits until n more deliveries are acknowledged.
func (o *oracle) awaitMore(t *testing.T, n int64) {
	t.Helper()
	before := o.acknowledged.Load()
	await(t, 30*time.Second, func() bool { return o.acknowledged.Load() > before+n }, func() string { return "no deliveries are taken" })
}

type sender struct {
	oracle *oracle
	load   load
	client *http.Client
	id     int
	number int
	rand   *rand.Rand
}

func (s *sender) deliver(ctx context.Context, form signature.Form) {
	events := make([]string, 1+s.rand.IntN(s.load.events))
	obligations := make([]*obligation, len(events))
	for i := range events {
		events[i], obligations[i] = s.event()
	}
	s.oracle.mu.Lock()
	for i, e := range events {
		s.oracle.sent[e] = obligations[i]
	}
	s.oracle.mu.Unlock()

	document := []byte("[" + strings.Join(events, ",") + "]")
	if form == signature.BodyCompactHex {
		document = []byte("[ " + strings.Join(events, ",\n ") + " ]")
	}
	for ctx.Err() == nil {
		if s.post(form, document, len(events)) {
			s.oracle.mu.Lock()
			for _, ob := range obligations {
				ob.acknowledged = true
			}
			s.oracle.mu.Unlock()
			s.oracle.acknowledged.Add(1)
			return
		}
		select { // nobody hammers a bridge that says no
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// event makes the next event of one of the sender's keys: a person who does not exist.
func (s *sender) event() (string, *obligation) {
	types := []string{
		"profile.parsing.success", "profile.parsing.error", "profile.embedding.success", "job.parsing.success",
		"job.embedding.error", "action.stage.success", "profile.parsing.update", "agent.training.success",
	}
	eventType := types[s.rand.IntN(len(types))]
	key := fmt.Sprintf("%016x%024x", s.id, s.rand.IntN(3))
	s.number++
	object := "profile"
	if strings.HasPrefix(eventType, "job.") {
		object = "job"
	}
	event := fmt.Sprintf(`{"type":"%s","origin":"api","number":%d,"%s":{"key":"%s","info":{"full_name":"Ada Example","email":"ada@example.org","summary":"%s"}}}`,
		eventType, s.number, object, key, strings.Repeat("é \\u0041 ", s.rand.IntN(60)))
	return event, &obligation{topic: eventType, key: object + key, number: s.number}
}

// post sends a delivery and tells whether it was taken.
func (s *sender) post(form signature.Form, document []byte, events int) bool {
	status, body, err := post(s.client, s.load.url, form, document)
	switch {
	case err != nil:
		s.oracle.unanswered.Add(1)
		return false
	case status == http.StatusOK:
		var r receipt
		if json.Unmarshal(body, &r) != nil || r != (receipt{Events: events, Published: events}) {
			s.oracle.wrong.Store(fmt.Sprintf("200 with %s for %d events", body, events), true)
		}
		return true
	case status != http.StatusServiceUnavailable:
		s.oracle.wrong.Store(fmt.Sprint(status, " ", string(body)), true)
	}
	s.oracle.refused.Add(1)
	return false
}

// post sends one signed delivery.
func post(client *http.Client, url string, form signature.Form, document []byte) (status int, answer []byte, err error) {
	value, err := signature.Sign(form, []byte(testSecret), document)
	if err != nil {
		return 0, nil, err
	}
	body := document
	if form != signature.BodyHex && form != signature.BodyCompactHex {
		body = nil
	}
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body)) //nolint:noctx // the client has a timeout
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("HTTP-HRFLOW-SIGNATURE", value)
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	if status := response.StatusCode; status == http.StatusServiceUnavailable && response.Header.Get("Retry-After") == "" {
		return status, answer, fmt.Errorf("503 without Retry-After")
	}
	return response.StatusCode, answer, err
}

// audit reads the stream from its start with a plain subscriber and holds it against what was sent.
func (o *oracle) audit(t *testing.T, brokerURL, stream string) {
	t.Helper()
	seen := make(map[string]bool)
	last := make(map[string]int)
	ids := make(map[string]bool)
	problems := 0
	problem := func(format string, args ...any) {
		if problems++; problems <= 10 {
			t.Errorf(format, args...)
		}
	}
	readStream(t, brokerURL, stream, func(m *natsgo.Msg) {
		value := string(m.Data)
		ob := o.sent[value]
		if ob == nil {
			problem("on %s: an event that nobody sent, or altered", m.Subject)
			return
		}
		if m.Subject != ob.topic {
			problem("an event of %s is on %s", ob.topic, m.Subject)
		}
		if seen[value] || ids[m.Header.Get("Nats-Msg-Id")] {
			problem("on %s: number %d of key %s is there twice", m.Subject, ob.number, ob.key)
		}
		if ob.number <= last[ob.key] {
			problem("number %d of key %s comes after number %d", ob.number, ob.key, last[ob.key])
		}
		seen[value], last[ob.key], ids[m.Header.Get("Nats-Msg-Id")] = true, ob.number, true
	})
	lost := 0
	for value, ob := range o.sent {
		if ob.acknowledged && !seen[value] {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d acknowledged events are lost", lost)
	}
	t.Logf("%d deliveries acknowledged, %d refused, %d unanswered; %d events sent, %d in the stream",
		o.acknowledged.Load(), o.refused.Load(), o.unanswered.Load(), len(o.sent), len(seen))
	if o.acknowledged.Load() == 0 {
		t.Error("nothing was acknowledged, so nothing was tested")
	}
}

// readStream hands each message that the stream holds now, from the first, to each.
func readStream(t *testing.T, brokerURL, stream string, each func(*natsgo.Msg)) {
	t.Helper()
	nc := must(natsgo.Connect(brokerURL))(t)
	defer nc.Close()
	js := must(jetstream.New(nc))(t)
	ctx, cancel := context.WithTimeout(t.Context(), 120*time.Second)
	defer cancel()
	info := must(must(js.Stream(ctx, stream))(t).Info(ctx))(t)
	if info.State.Msgs == 0 {
		return
	}
	old := must(nc.JetStream())(t)
	sub := must(old.SubscribeSync("", natsgo.BindStream(stream), natsgo.OrderedConsumer()))(t)
	for {
		m := must(sub.NextMsgWithContext(ctx))(t)
		each(m)
		if meta := must(m.Metadata())(t); meta.Sequence.Stream >= info.State.LastSeq {
			return
		}
	}
}
