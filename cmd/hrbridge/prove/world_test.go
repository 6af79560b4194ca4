package prove_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hrbridge/bridge"
	"hrbridge/bridge/signature"
	"hrbridge/cmd/hrbridge/client"
	"hrbridge/cmd/hrbridge/prove"
	"hrbridge/schema"
)

const secret = "an-invented-secret"

// world is a bridge, made of its own parts but for the ingress, and a broker in memory, on which anything can be made to go
// wrong.
type world struct {
	*httptest.Server
	fanout   *bridge.Fanout
	verifier *signature.Verifier
	// trusting takes what is not signed.
	trusting bool
	// answer is asked before a delivery is taken: anything but 0 is the answer.
	answer func() int

	mu      sync.Mutex
	fault   func([]bridge.Message) []bridge.Message
	forgets bool // stores repeats, as Kafka does
	records []bridge.Record
	ids     map[string]bool
	more    chan struct{} // closed when there are more records
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{ids: make(map[string]bool), more: make(chan struct{})}
	o := bridge.DefaultFanoutOptions()
	o.Known, o.SourcePrefixes = schema.Types(), map[string]string{"prove": "prove."}
	var err error
	if w.fanout, err = bridge.NewFanout(w, o); err != nil {
		t.Fatal(err)
	}
	if w.verifier, err = signature.NewVerifier([][]byte{[]byte(secret)}, signature.Forms()); err != nil {
		t.Fatal(err)
	}
	w.Server = httptest.NewServer(http.HandlerFunc(w.take))
	t.Cleanup(w.Close)
	return w
}

// take is the ingress.
func (w *world) take(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if w.answer != nil {
		if status := w.answer(); status != 0 {
			rw.WriteHeader(status)
			return
		}
	}
	s, err := signature.Parse(r.Header.Get("HTTP-HRFLOW-SIGNATURE"))
	var match signature.Match
	if err == nil {
		match, err = w.verifier.Verify(s, body)
	}
	if err != nil && w.trusting && len(body) > 0 {
		match.Signed, err = body, nil
	}
	if err != nil {
		rw.WriteHeader(http.StatusUnauthorized)
		return
	}
	events, err := bridge.Unpack(match.Signed, bridge.DefaultLimits())
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	receipt, err := w.fanout.Publish(r.Context(), bridge.Delivery{Source: path.Base(r.URL.Path), Signed: match.Signed, Received: time.Now()}, events)
	if err != nil {
		rw.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_ = json.NewEncoder(rw).Encode(map[string]int{"events": receipt.Events, "published": receipt.Published, "dead_lettered": receipt.DeadLettered})
}

// Publish is the broker.
func (w *world) Publish(_ context.Context, msgs []bridge.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	msgs = slices.Clone(msgs)
	for i := range msgs {
		msgs[i].Value = bytes.Clone(msgs[i].Value)
	}
	if w.fault != nil {
		msgs = w.fault(msgs)
	}
	for _, m := range msgs {
		if w.ids[m.ID] && !w.forgets {
			continue
		}
		w.ids[m.ID] = true
		w.records = append(w.records, bridge.Record{Message: m, Sequence: uint64(len(w.records) + 1), Stored: time.Now()})
	}
	close(w.more)
	w.more = make(chan struct{})
	return nil
}

// tail reads the broker.
func (w *world) tail(ctx context.Context, r bridge.Reading, each func(bridge.Record) error) error {
	w.mu.Lock()
	next, end := len(w.records), len(w.records)
	if !r.From.Since.IsZero() {
		next = 0
	}
	w.mu.Unlock()
	for {
		w.mu.Lock()
		records, more := w.records, w.more
		w.mu.Unlock()
		for ; next < len(records) && (!r.ToEnd || next < end); next++ {
			if err := each(records[next]); err != nil {
				return err
			}
		}
		if r.ToEnd {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-more:
		}
	}
}

// broker is how prove reads it.
func (w *world) broker() prove.Broker {
	return prove.Broker{Publisher: "memory", Tail: w.tail, Window: time.Minute, OneOrder: true}
}

// options are a short run with everything in it.
func (w *world) options(t *testing.T) prove.Options {
	t.Helper()
	c := client.New(client.Options{URL: w.URL + "/webhooks/prove", Header: "HTTP-HRFLOW-SIGNATURE", Connections: 4, Timeout: 10 * time.Second})
	t.Cleanup(c.Close)
	return prove.Options{
		Broker: w.broker(), Client: c, Source: "prove", Secret: []byte(secret),
		Topic: func(eventType string) string { return "prove." + eventType },
		Types: schema.Documented(), Forms: signature.Forms(),
		Events: 400, Connections: 4, PerDelivery: 7, Repeats: 0.3, Forgeries: 0.5,
		GiveUp: 30 * time.Second, Settle: 30 * time.Second, File: filepath.Join(t.TempDir(), "obligations"),
	}
}

// counted tells whether a message is one that a run counts.
func counted(m bridge.Message) bool { return strings.Contains(string(m.Value), " event ") }

// once is a fault that happens to the first delivery of a run's events, and to no other.
func once(fault func([]bridge.Message) []bridge.Message) func([]bridge.Message) []bridge.Message {
	done := false
	return func(msgs []bridge.Message) []bridge.Message {
		if done || !counted(msgs[0]) {
			return msgs
		}
		done = true
		return fault(msgs)
	}
}
